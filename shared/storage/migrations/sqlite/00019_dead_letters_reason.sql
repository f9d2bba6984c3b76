-- +goose Up
CREATE INDEX dead_letters_reason ON dead_letters (reason, state);
