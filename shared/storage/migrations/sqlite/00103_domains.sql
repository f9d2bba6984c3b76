-- +goose Up
CREATE TABLE domains (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, host BLOB NOT NULL,
  fallback_url BLOB NULL, is_default INTEGER NOT NULL, -- 0 no, 1 of its account, 2 of the installation
  foreign_codes INTEGER NOT NULL, verify_token BLOB NULL, verified_ms INTEGER NULL, created_ms INTEGER NOT NULL,
  UNIQUE (host)
);
