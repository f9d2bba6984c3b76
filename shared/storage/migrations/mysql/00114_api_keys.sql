-- +goose Up
CREATE TABLE api_keys (
  id BINARY(8) PRIMARY KEY, secret_hash BINARY(32) NOT NULL, account_id INT UNSIGNED NOT NULL,
  role TINYINT NOT NULL, -- 1 read, 2 write, 3 admin, 4 operator
  name VARCHAR(128) NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT NULL, revoked_ms BIGINT NULL,
  stopped_ms BIGINT NULL, -- its links answer as disabled ones
  rate_per_s INT UNSIGNED NULL, hosts_json JSON NULL,
  KEY account (account_id, created_ms), KEY stopped (stopped_ms)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
