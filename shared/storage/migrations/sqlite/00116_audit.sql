-- +goose Up
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  actor BLOB NOT NULL, action TEXT NOT NULL, object BLOB NOT NULL, before_json TEXT NULL, after_json TEXT NULL
);
