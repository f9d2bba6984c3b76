-- +goose Up
CREATE TABLE campaigns (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL,
  name BLOB NOT NULL, -- the API's campaign id
  title BLOB NULL, -- the API's name
  domain_id INTEGER NULL, utm_json TEXT NULL, redirect_all BLOB NULL, version INTEGER NOT NULL,
  next_ordinal INTEGER NOT NULL, -- hands out the bits of links
  sent_ms INTEGER NULL, created_ms INTEGER NOT NULL,
  UNIQUE (account_id, name)
);
