-- +goose Up
CREATE TABLE link_totals (
  campaign_id BIGINT UNSIGNED NOT NULL, link_id BIGINT UNSIGNED NOT NULL, class TINYINT NOT NULL,
  clicks BIGINT NOT NULL, uniques BIGINT NOT NULL, -- uniques: only in class 0, whatever the click's class
  last_ms BIGINT NOT NULL,
  PRIMARY KEY (campaign_id, link_id, class)
) ENGINE=InnoDB;
