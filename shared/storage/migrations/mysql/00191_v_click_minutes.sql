-- +goose Up
CREATE OR REPLACE VIEW v_click_minutes AS
SELECT c.account_id AS account, c.name AS campaign, d.host AS domain, l.code AS code,
  CAST(TIMESTAMP('1970-01-01') + INTERVAL m.minute * 60000 * 1000 MICROSECOND AS DATETIME(3)) AS minute, SUM(m.clicks) AS clicks
FROM campaigns AS c
JOIN link_minutes AS m ON m.campaign_id = c.id AND m.link_id > 0
LEFT JOIN links AS l ON l.id = m.link_id
LEFT JOIN domains AS d ON d.id = l.domain_id
GROUP BY c.account_id, c.name, d.host, l.code, m.minute;
