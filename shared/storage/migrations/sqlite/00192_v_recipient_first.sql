-- +goose Up
CREATE VIEW v_recipient_first AS
SELECT c.account_id AS account, CAST(c.name AS TEXT) AS campaign, CAST(r.recipient AS TEXT) AS recipient, strftime('%Y-%m-%d %H:%M:%S', r.first_ms / 1000, 'unixepoch') || printf('.%03d', r.first_ms % 1000) AS first_at
FROM campaigns AS c
JOIN recipients AS r ON r.campaign_id = c.id AND r.page = 0;
