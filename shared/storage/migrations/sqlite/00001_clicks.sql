-- +goose Up
CREATE TABLE clicks (
  campaign_id INTEGER NOT NULL, event_id BLOB NOT NULL CHECK (length(event_id) = 16),
  day INTEGER NOT NULL, -- yyyymmdd of the id's milliseconds
  account_id INTEGER NOT NULL, link_id INTEGER NOT NULL, recipient BLOB NOT NULL CHECK (length(recipient) <= 64),
  token INTEGER NOT NULL, -- 0 none, 1 valid, 2 invalid, 3 private
  method INTEGER NOT NULL, -- 1 GET, 2 HEAD
  class INTEGER NOT NULL, -- 0 unknown, 1 human, 2 machine
  flags INTEGER NOT NULL CHECK (flags BETWEEN -2147483648 AND 2147483647),
  ip BLOB NOT NULL CHECK (length(ip) <= 39), user_agent BLOB NOT NULL CHECK (length(user_agent) <= 512),
  referrer BLOB NOT NULL CHECK (length(referrer) <= 1024),
  time_ms INTEGER NOT NULL, inserted_ms INTEGER NOT NULL, rule INTEGER NOT NULL, rules INTEGER NOT NULL,
  PRIMARY KEY (campaign_id, event_id, day)
) WITHOUT ROWID;
