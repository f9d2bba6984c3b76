-- +goose Up
INSERT INTO accounts (id, name, created_ms) VALUES (1, 'default', UNIX_TIMESTAMP() * 1000);
