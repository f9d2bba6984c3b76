-- +goose Up
CREATE TABLE campaigns (
  id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, account_id INT UNSIGNED NOT NULL,
  name VARBINARY(128) NOT NULL, -- the API's campaign id
  title VARBINARY(512) NULL, -- the API's name
  domain_id INT UNSIGNED NULL, utm_json JSON NULL, redirect_all VARBINARY(8192) NULL, version INT UNSIGNED NOT NULL,
  next_ordinal INT UNSIGNED NOT NULL, -- hands out the bits of links, under the row's lock
  sent_ms BIGINT NULL, created_ms BIGINT NOT NULL,
  UNIQUE KEY account (account_id, name), KEY name (name), KEY redirecting (redirect_all(1))
) ENGINE=InnoDB;
