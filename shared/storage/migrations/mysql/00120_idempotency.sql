-- +goose Up
CREATE TABLE idempotency (
  account_id INT UNSIGNED NOT NULL, idem_key VARBINARY(255) NOT NULL, body_hash BINARY(32) NOT NULL,
  status SMALLINT NULL, -- NULL = still running
  answer MEDIUMBLOB NULL, at_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, idem_key), KEY at (at_ms)
) ENGINE=InnoDB;
