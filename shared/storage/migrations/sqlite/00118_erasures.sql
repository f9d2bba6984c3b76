-- +goose Up
CREATE TABLE erasures (
  account_id INTEGER NOT NULL, recipient_hash BLOB NOT NULL,
  before_ms INTEGER NOT NULL, -- clicks answered before this are anonymised, whenever they arrive
  PRIMARY KEY (account_id, recipient_hash)
) WITHOUT ROWID;
