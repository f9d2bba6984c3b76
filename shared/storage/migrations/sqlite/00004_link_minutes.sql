-- +goose Up
CREATE TABLE link_minutes (
  campaign_id INTEGER NOT NULL, link_id INTEGER NOT NULL, -- 0 = the campaign
  minute INTEGER NOT NULL, class INTEGER NOT NULL, day INTEGER NOT NULL, clicks INTEGER NOT NULL CHECK (clicks >= 0),
  firsts INTEGER NOT NULL, -- only in link 0, class 0
  PRIMARY KEY (campaign_id, link_id, minute, class, day)
) WITHOUT ROWID;
