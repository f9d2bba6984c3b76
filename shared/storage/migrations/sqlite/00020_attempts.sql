-- +goose Up
CREATE TABLE attempts (
  event_id BLOB PRIMARY KEY, n INTEGER NOT NULL,
  at_ms INTEGER NOT NULL -- of the last attempt; of a suspect: when it may be tried next
) WITHOUT ROWID;
