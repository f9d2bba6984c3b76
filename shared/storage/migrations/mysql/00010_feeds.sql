-- +goose Up
CREATE TABLE feeds (
  feed BINARY(16) PRIMARY KEY, owner BINARY(16) NOT NULL, instance VARCHAR(128) NOT NULL,
  state TINYINT NOT NULL, -- 1 live, 2 signed off at end_pos, 3 forgotten
  done BIGINT NOT NULL, upto_ms BIGINT NOT NULL, end_pos BIGINT NULL,
  counted_pos BIGINT NOT NULL, -- up to which feed_counts.answered counts
  spool_clicks BIGINT NOT NULL, oldest_ms BIGINT NULL, seen_ms BIGINT NOT NULL
) ENGINE=InnoDB;
