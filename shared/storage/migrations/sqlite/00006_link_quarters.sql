-- +goose Up
CREATE TABLE link_quarters (
  campaign_id INTEGER NOT NULL, link_id INTEGER NOT NULL, quarter INTEGER NOT NULL, -- minute / 15
  class INTEGER NOT NULL, clicks INTEGER NOT NULL CHECK (clicks >= 0), firsts INTEGER NOT NULL,
  PRIMARY KEY (campaign_id, link_id, quarter, class)
) WITHOUT ROWID;
