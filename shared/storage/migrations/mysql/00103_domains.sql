-- +goose Up
CREATE TABLE domains (
  id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, account_id INT UNSIGNED NOT NULL, host VARBINARY(253) NOT NULL,
  fallback_url VARBINARY(8192) NULL, is_default TINYINT NOT NULL, -- 0 no, 1 of its account, 2 of the installation
  foreign_codes TINYINT NOT NULL, verify_token VARBINARY(64) NULL, verified_ms BIGINT NULL, created_ms BIGINT NOT NULL,
  UNIQUE KEY host (host), KEY account (account_id)
) ENGINE=InnoDB;
