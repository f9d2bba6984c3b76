-- +goose Up
CREATE TABLE links (
  id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, -- clustered: bulk creates append although codes are random
  domain_id INT UNSIGNED NOT NULL, code VARBINARY(64) NOT NULL, account_id INT UNSIGNED NOT NULL,
  campaign_id BIGINT UNSIGNED NOT NULL, ordinal INT UNSIGNED NOT NULL, url VARBINARY(8192) NOT NULL, url_hash BINARY(16) NOT NULL,
  ref VARBINARY(128) NULL, name VARBINARY(512) NULL, forward_json JSON NULL, tags_json JSON NULL, -- link_tags is their index
  key_id BINARY(8) NULL, state TINYINT NOT NULL, -- 1 live, 2 disabled, 3 deleted
  expires_ms BIGINT NULL, version INT UNSIGNED NOT NULL, created_ms BIGINT NOT NULL,
  UNIQUE KEY code (domain_id, code), -- what resolve asks for
  UNIQUE KEY ref (account_id, ref), -- makes a create safe to repeat; NULLs repeat
  UNIQUE KEY bit (campaign_id, ordinal), -- also lists a campaign in order
  KEY reuse (campaign_id, url_hash), KEY account (account_id, id)
) ENGINE=InnoDB;
