-- +goose Up
CREATE INDEX dead_letters_at ON dead_letters (at_ms);
