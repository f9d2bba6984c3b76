-- +goose Up
CREATE TABLE recipients (
  campaign_id INTEGER NOT NULL, recipient BLOB NOT NULL,
  page INTEGER NOT NULL, -- ordinal / 62; page 0 is always there and is the campaign's unique
  links INTEGER NOT NULL, -- bit ordinal % 62
  prev_links INTEGER NOT NULL, first_ms INTEGER NOT NULL,
  prev_first INTEGER NOT NULL, -- what the last upsert found, for its own transaction to read
  last_ms INTEGER NOT NULL, clicks INTEGER NOT NULL, -- counted on page 0
  PRIMARY KEY (campaign_id, recipient, page)
) WITHOUT ROWID;
