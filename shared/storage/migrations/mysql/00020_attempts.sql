-- +goose Up
CREATE TABLE attempts (
  event_id BINARY(16) PRIMARY KEY, n TINYINT NOT NULL,
  at_ms BIGINT NOT NULL, -- of the last attempt; of a suspect: when it may be tried next
  KEY (at_ms)
) ENGINE=InnoDB;
