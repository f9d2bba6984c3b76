-- +goose Up
CREATE TABLE sessions (
  id_hash BLOB PRIMARY KEY, key_id BLOB NULL, -- NULL = the bootstrap key
  csrf BLOB NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
