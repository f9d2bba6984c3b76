-- +goose Up
CREATE TABLE sessions (
  id_hash BINARY(32) PRIMARY KEY, key_id BINARY(8) NULL, -- NULL = the bootstrap key
  csrf BINARY(32) NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL,
  KEY expires (expires_ms)
) ENGINE=InnoDB;
