-- +goose Up
CREATE TABLE clicks (
  campaign_id BIGINT UNSIGNED NOT NULL, event_id BINARY(16) NOT NULL,
  day INT NOT NULL, -- yyyymmdd of the id's milliseconds
  account_id INT UNSIGNED NOT NULL, link_id BIGINT UNSIGNED NOT NULL, recipient VARBINARY(64) NOT NULL,
  token TINYINT NOT NULL, -- 0 none, 1 valid, 2 invalid, 3 private
  method TINYINT NOT NULL, -- 1 GET, 2 HEAD
  class TINYINT NOT NULL, -- 0 unknown, 1 human, 2 machine
  flags INT NOT NULL, ip VARBINARY(39) NOT NULL, user_agent VARBINARY(512) NOT NULL, referrer VARBINARY(1024) NOT NULL,
  time_ms BIGINT NOT NULL, inserted_ms BIGINT NOT NULL, rule SMALLINT NOT NULL, rules SMALLINT NOT NULL,
  PRIMARY KEY (campaign_id, event_id, day)
) ENGINE=InnoDB PARTITION BY RANGE (day) (PARTITION pmax VALUES LESS THAN MAXVALUE);
