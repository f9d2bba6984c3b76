-- +goose Up
CREATE INDEX links_reuse ON links (campaign_id, url_hash);
