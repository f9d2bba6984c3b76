-- +goose Up
CREATE TABLE link_tags (
  account_id INTEGER NOT NULL, tag BLOB NOT NULL, link_id INTEGER NOT NULL,
  PRIMARY KEY (account_id, tag, link_id)
) WITHOUT ROWID;
