-- +goose Up
CREATE TABLE workers (
  id BINARY(16) PRIMARY KEY, seen_ms BIGINT NOT NULL, share INT NOT NULL, state_json JSON NOT NULL
) ENGINE=InnoDB;
