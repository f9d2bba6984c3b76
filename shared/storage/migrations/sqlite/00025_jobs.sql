-- +goose Up
CREATE TABLE jobs (
  id BLOB PRIMARY KEY, account_id INTEGER NOT NULL, kind TEXT NOT NULL, state INTEGER NOT NULL,
  args_json TEXT NOT NULL, result_json TEXT NULL, created_ms INTEGER NOT NULL, taken_ms INTEGER NULL, done_ms INTEGER NULL
) WITHOUT ROWID;
