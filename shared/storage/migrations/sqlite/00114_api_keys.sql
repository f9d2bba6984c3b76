-- +goose Up
CREATE TABLE api_keys (
  id BLOB PRIMARY KEY, secret_hash BLOB NOT NULL, account_id INTEGER NOT NULL,
  role INTEGER NOT NULL, -- 1 read, 2 write, 3 admin, 4 operator
  name TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NULL, revoked_ms INTEGER NULL,
  stopped_ms INTEGER NULL, -- its links answer as disabled ones
  rate_per_s INTEGER NULL, hosts_json TEXT NULL
) WITHOUT ROWID;
