-- +goose Up
CREATE INDEX audit_account ON audit (account_id, id);
