-- +goose Up
CREATE INDEX feed_counts_campaign ON feed_counts (campaign_id);
