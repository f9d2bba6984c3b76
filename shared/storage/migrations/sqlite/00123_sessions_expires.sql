-- +goose Up
CREATE INDEX sessions_expires ON sessions (expires_ms);
