-- +goose Up
CREATE TABLE feed_ranges (
  feed BLOB NOT NULL, from_pos INTEGER NOT NULL, to_pos INTEGER NOT NULL, upto_ms INTEGER NOT NULL,
  PRIMARY KEY (feed, from_pos)
) WITHOUT ROWID;
