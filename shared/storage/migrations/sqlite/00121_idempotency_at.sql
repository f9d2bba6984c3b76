-- +goose Up
CREATE INDEX idempotency_at ON idempotency (at_ms);
