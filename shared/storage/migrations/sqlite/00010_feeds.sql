-- +goose Up
CREATE TABLE feeds (
  feed BLOB PRIMARY KEY, owner BLOB NOT NULL, instance TEXT NOT NULL,
  state INTEGER NOT NULL, -- 1 live, 2 signed off at end_pos, 3 forgotten
  done INTEGER NOT NULL, upto_ms INTEGER NOT NULL, end_pos INTEGER NULL,
  counted_pos INTEGER NOT NULL, -- up to which feed_counts.answered counts
  spool_clicks INTEGER NOT NULL, oldest_ms INTEGER NULL, seen_ms INTEGER NOT NULL
) WITHOUT ROWID;
