-- +goose Up
CREATE TABLE changes ( -- feed of invalidation and history; a new link writes none
  seq BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, kind TINYINT NOT NULL, -- 1 link, 2 campaign, 3 domain, 4 key, 5 account
  object_id BIGINT UNSIGNED NOT NULL, version INT UNSIGNED NOT NULL, at_ms BIGINT NOT NULL, before_json JSON NULL,
  KEY object (kind, object_id, version)
) ENGINE=InnoDB;
