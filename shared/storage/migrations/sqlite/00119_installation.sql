-- +goose Up
CREATE TABLE installation (
  id INTEGER PRIMARY KEY, code_key BLOB NOT NULL, created_ms INTEGER NOT NULL
);
