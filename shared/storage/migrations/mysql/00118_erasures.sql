-- +goose Up
CREATE TABLE erasures (
  account_id INT UNSIGNED NOT NULL, recipient_hash BINARY(32) NOT NULL,
  before_ms BIGINT NOT NULL, -- clicks answered before this are anonymised, whenever they arrive
  PRIMARY KEY (account_id, recipient_hash)
) ENGINE=InnoDB;
