-- +goose Up
CREATE TABLE idempotency (
  account_id INTEGER NOT NULL, idem_key BLOB NOT NULL, body_hash BLOB NOT NULL,
  status INTEGER NULL, -- NULL = still running
  answer BLOB NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, idem_key)
) WITHOUT ROWID;
