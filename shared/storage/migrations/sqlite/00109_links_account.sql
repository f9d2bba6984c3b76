-- +goose Up
CREATE INDEX links_account ON links (account_id, id);
