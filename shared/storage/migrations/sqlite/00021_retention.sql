-- +goose Up
CREATE TABLE retention (
  id INTEGER PRIMARY KEY, -- 1 clicks, 2 minutes, 3 the lock of a rebuild
  floor_day INTEGER NOT NULL
);
