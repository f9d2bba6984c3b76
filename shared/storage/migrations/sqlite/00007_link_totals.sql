-- +goose Up
CREATE TABLE link_totals (
  campaign_id INTEGER NOT NULL, link_id INTEGER NOT NULL, class INTEGER NOT NULL,
  clicks INTEGER NOT NULL, uniques INTEGER NOT NULL, -- uniques: only in class 0, whatever the click's class
  last_ms INTEGER NOT NULL,
  PRIMARY KEY (campaign_id, link_id, class)
) WITHOUT ROWID;
