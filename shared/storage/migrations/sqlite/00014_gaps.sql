-- +goose Up
CREATE TABLE gaps (
  id INTEGER PRIMARY KEY AUTOINCREMENT, feed BLOB NOT NULL, from_ms INTEGER NOT NULL,
  to_ms INTEGER NULL, -- NULL = open
  clicks INTEGER NULL, -- NULL = not known
  reason TEXT NOT NULL, -- spool_full | forgotten | quarantined | power_loss | late
  created_ms INTEGER NOT NULL,
  UNIQUE (feed, reason, from_ms)
);
