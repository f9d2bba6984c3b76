-- +goose Up
CREATE TABLE feed_counts (
  feed BINARY(16) NOT NULL, campaign_id BIGINT UNSIGNED NOT NULL,
  answered BIGINT NOT NULL, `stored` BIGINT NOT NULL, set_aside BIGINT NOT NULL, -- GETs only
  PRIMARY KEY (feed, campaign_id), KEY campaign (campaign_id)
) ENGINE=InnoDB;
