-- +goose Up
CREATE TABLE feed_ranges (
  feed BINARY(16) NOT NULL, from_pos BIGINT NOT NULL, to_pos BIGINT NOT NULL, upto_ms BIGINT NOT NULL,
  PRIMARY KEY (feed, from_pos)
) ENGINE=InnoDB;
