-- +goose Up
CREATE TABLE links (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  domain_id INTEGER NOT NULL, code BLOB NOT NULL, account_id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL, ordinal INTEGER NOT NULL, url BLOB NOT NULL, url_hash BLOB NOT NULL,
  ref BLOB NULL, name BLOB NULL, forward_json TEXT NULL, tags_json TEXT NULL, -- link_tags is their index
  key_id BLOB NULL, state INTEGER NOT NULL, -- 1 live, 2 disabled, 3 deleted
  expires_ms INTEGER NULL, version INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  UNIQUE (domain_id, code), -- what resolve asks for
  UNIQUE (account_id, ref), -- makes a create safe to repeat; NULLs repeat
  UNIQUE (campaign_id, ordinal) -- also lists a campaign in order
);
