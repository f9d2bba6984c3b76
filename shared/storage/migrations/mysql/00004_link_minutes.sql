-- +goose Up
CREATE TABLE link_minutes (
  campaign_id BIGINT UNSIGNED NOT NULL, link_id BIGINT UNSIGNED NOT NULL, -- 0 = the campaign
  minute INT UNSIGNED NOT NULL, class TINYINT NOT NULL, day INT NOT NULL, clicks INT UNSIGNED NOT NULL,
  firsts INT NOT NULL, -- only in link 0, class 0
  PRIMARY KEY (campaign_id, link_id, minute, class, day)
) ENGINE=InnoDB PARTITION BY RANGE (day) (PARTITION pmax VALUES LESS THAN MAXVALUE);
