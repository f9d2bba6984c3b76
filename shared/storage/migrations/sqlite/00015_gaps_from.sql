-- +goose Up
CREATE INDEX gaps_from ON gaps (from_ms);
