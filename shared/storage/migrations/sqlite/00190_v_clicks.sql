-- +goose Up
CREATE VIEW v_clicks AS
SELECT lower(hex(k.event_id)) AS id, strftime('%Y-%m-%d %H:%M:%S', k.time_ms / 1000, 'unixepoch') || printf('.%03d', k.time_ms % 1000) AS time, CAST(d.host AS TEXT) AS domain, CAST(l.code AS TEXT) AS code, CAST(c.name AS TEXT) AS campaign,
  CAST(k.recipient AS TEXT) AS recipient,
  CASE k.token WHEN 1 THEN 'valid' WHEN 2 THEN 'invalid' WHEN 3 THEN 'private' ELSE 'none' END AS token,
  CASE k.method WHEN 2 THEN 'HEAD' ELSE 'GET' END AS method,
  CASE k.class WHEN 1 THEN 'human' WHEN 2 THEN 'machine' ELSE 'unknown' END AS class,
  CAST(k.ip AS TEXT) AS ip, CAST(k.user_agent AS TEXT) AS user_agent, CAST(k.referrer AS TEXT) AS referrer, CAST(l.url AS TEXT) AS url,
  k.account_id AS account, strftime('%Y-%m-%d %H:%M:%S', k.inserted_ms / 1000, 'unixepoch') || printf('.%03d', k.inserted_ms % 1000) AS inserted_at
FROM campaigns AS c
JOIN clicks AS k ON k.campaign_id = c.id
LEFT JOIN links AS l ON l.id = k.link_id
LEFT JOIN domains AS d ON d.id = l.domain_id;
