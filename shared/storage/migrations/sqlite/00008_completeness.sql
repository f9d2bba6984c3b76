-- +goose Up
CREATE TABLE completeness (id INTEGER PRIMARY KEY, t_ms INTEGER NOT NULL);
