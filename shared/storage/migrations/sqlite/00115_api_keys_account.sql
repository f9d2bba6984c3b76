-- +goose Up
CREATE INDEX api_keys_account ON api_keys (account_id, created_ms);
