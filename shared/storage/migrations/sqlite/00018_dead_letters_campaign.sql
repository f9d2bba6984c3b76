-- +goose Up
CREATE INDEX dead_letters_campaign ON dead_letters (campaign_id);
