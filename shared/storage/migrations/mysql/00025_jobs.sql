-- +goose Up
CREATE TABLE jobs (
  id BINARY(16) PRIMARY KEY, account_id INT UNSIGNED NOT NULL, kind VARCHAR(32) NOT NULL, state TINYINT NOT NULL,
  args_json JSON NOT NULL, result_json JSON NULL, created_ms BIGINT NOT NULL, taken_ms BIGINT NULL, done_ms BIGINT NULL,
  KEY (state, created_ms)
) ENGINE=InnoDB;
