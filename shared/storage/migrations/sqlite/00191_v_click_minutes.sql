-- +goose Up
CREATE VIEW v_click_minutes AS
SELECT c.account_id AS account, CAST(c.name AS TEXT) AS campaign, CAST(d.host AS TEXT) AS domain, CAST(l.code AS TEXT) AS code,
  strftime('%Y-%m-%d %H:%M:%S', (m.minute * 60000) / 1000, 'unixepoch') || printf('.%03d', (m.minute * 60000) % 1000) AS minute, SUM(m.clicks) AS clicks
FROM campaigns AS c
JOIN link_minutes AS m ON m.campaign_id = c.id AND m.link_id > 0
LEFT JOIN links AS l ON l.id = m.link_id
LEFT JOIN domains AS d ON d.id = l.domain_id
GROUP BY c.account_id, CAST(c.name AS TEXT), CAST(d.host AS TEXT), CAST(l.code AS TEXT), m.minute;
