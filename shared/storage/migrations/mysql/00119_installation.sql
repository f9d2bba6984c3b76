-- +goose Up
CREATE TABLE installation (
  id TINYINT PRIMARY KEY, code_key BINARY(32) NOT NULL, created_ms BIGINT NOT NULL
) ENGINE=InnoDB;
