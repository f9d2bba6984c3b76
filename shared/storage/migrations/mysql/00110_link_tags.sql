-- +goose Up
CREATE TABLE link_tags (
  account_id INT UNSIGNED NOT NULL, tag VARBINARY(64) NOT NULL, link_id BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (account_id, tag, link_id), KEY link (link_id)
) ENGINE=InnoDB;
