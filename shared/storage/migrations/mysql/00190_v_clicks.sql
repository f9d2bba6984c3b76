-- +goose Up
CREATE OR REPLACE VIEW v_clicks AS
SELECT LOWER(HEX(k.event_id)) AS id, CAST(TIMESTAMP('1970-01-01') + INTERVAL k.time_ms * 1000 MICROSECOND AS DATETIME(3)) AS time, d.host AS domain, l.code AS code, c.name AS campaign,
  k.recipient AS recipient,
  CASE k.token WHEN 1 THEN 'valid' WHEN 2 THEN 'invalid' WHEN 3 THEN 'private' ELSE 'none' END AS token,
  CASE k.method WHEN 2 THEN 'HEAD' ELSE 'GET' END AS method,
  CASE k.class WHEN 1 THEN 'human' WHEN 2 THEN 'machine' ELSE 'unknown' END AS class,
  k.ip AS ip, k.user_agent AS user_agent, k.referrer AS referrer, l.url AS url,
  k.account_id AS account, CAST(TIMESTAMP('1970-01-01') + INTERVAL k.inserted_ms * 1000 MICROSECOND AS DATETIME(3)) AS inserted_at
FROM campaigns AS c
JOIN clicks AS k ON k.campaign_id = c.id
LEFT JOIN links AS l ON l.id = k.link_id
LEFT JOIN domains AS d ON d.id = l.domain_id;
