-- +goose Up
CREATE TABLE feed_counts (
  feed BLOB NOT NULL, campaign_id INTEGER NOT NULL,
  answered INTEGER NOT NULL, stored INTEGER NOT NULL, set_aside INTEGER NOT NULL, -- GETs only
  PRIMARY KEY (feed, campaign_id)
) WITHOUT ROWID;
