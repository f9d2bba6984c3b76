-- +goose Up
CREATE OR REPLACE VIEW v_recipient_first AS
SELECT c.account_id AS account, c.name AS campaign, r.recipient AS recipient, CAST(TIMESTAMP('1970-01-01') + INTERVAL r.first_ms * 1000 MICROSECOND AS DATETIME(3)) AS first_at
FROM campaigns AS c
JOIN recipients AS r ON r.campaign_id = c.id AND r.page = 0;
