-- +goose Up
CREATE INDEX jobs_state ON jobs (state, created_ms);
