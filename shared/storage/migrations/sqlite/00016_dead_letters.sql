-- +goose Up
CREATE TABLE dead_letters (
  id BLOB PRIMARY KEY, at_ms INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
  account_id INTEGER NULL, campaign_id INTEGER NULL, feed BLOB NULL,
  counts INTEGER NOT NULL, -- 1: a GET, in its feed's balance as set aside while state is not 1
  state INTEGER NOT NULL, -- 0 held, 1 replayed, 2 dropped
  body BLOB NOT NULL
);
