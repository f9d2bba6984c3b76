-- +goose Up
CREATE TABLE changes ( -- feed of invalidation and history; a new link writes none
  seq INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, -- 1 link, 2 campaign, 3 domain, 4 key, 5 account
  object_id INTEGER NOT NULL, version INTEGER NOT NULL, at_ms INTEGER NOT NULL, before_json TEXT NULL
);
