-- +goose Up
CREATE TABLE recipients (
  campaign_id BIGINT UNSIGNED NOT NULL, recipient VARBINARY(64) NOT NULL,
  page INT UNSIGNED NOT NULL, -- ordinal / 62; page 0 is always there and is the campaign's unique
  links BIGINT NOT NULL, -- bit ordinal % 62
  prev_links BIGINT NOT NULL, first_ms BIGINT NOT NULL,
  prev_first BIGINT NOT NULL, -- what the last upsert found, for its own transaction to read
  last_ms BIGINT NOT NULL, clicks INT UNSIGNED NOT NULL, -- counted on page 0
  PRIMARY KEY (campaign_id, recipient, page)
) ENGINE=InnoDB;
