-- +goose Up
CREATE TABLE link_quarters (
  campaign_id BIGINT UNSIGNED NOT NULL, link_id BIGINT UNSIGNED NOT NULL, quarter INT UNSIGNED NOT NULL, -- minute / 15
  class TINYINT NOT NULL, clicks INT UNSIGNED NOT NULL, firsts INT NOT NULL,
  PRIMARY KEY (campaign_id, link_id, quarter, class)
) ENGINE=InnoDB;
