-- +goose Up
INSERT INTO completeness (id, t_ms) VALUES (1, 0);
