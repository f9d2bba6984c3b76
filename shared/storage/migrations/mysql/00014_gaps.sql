-- +goose Up
CREATE TABLE gaps (
  id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, feed BINARY(16) NOT NULL, from_ms BIGINT NOT NULL,
  to_ms BIGINT NULL, -- NULL = open
  clicks BIGINT NULL, -- NULL = not known
  reason VARCHAR(32) NOT NULL, -- spool_full | forgotten | quarantined | power_loss | late
  created_ms BIGINT NOT NULL,
  UNIQUE KEY once (feed, reason, from_ms), KEY (from_ms)
) ENGINE=InnoDB;
