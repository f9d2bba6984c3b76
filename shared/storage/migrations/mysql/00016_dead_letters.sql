-- +goose Up
CREATE TABLE dead_letters (
  id BINARY(16) PRIMARY KEY, at_ms BIGINT NOT NULL, reason VARCHAR(64) NOT NULL, detail VARCHAR(512) NOT NULL,
  account_id INT UNSIGNED NULL, campaign_id BIGINT UNSIGNED NULL, feed BINARY(16) NULL,
  counts TINYINT NOT NULL, -- 1: a GET, in its feed's balance as set aside while state is not 1
  state TINYINT NOT NULL, -- 0 held, 1 replayed, 2 dropped
  body MEDIUMBLOB NOT NULL,
  KEY (at_ms), KEY (campaign_id), KEY (reason, state)
) ENGINE=InnoDB;
