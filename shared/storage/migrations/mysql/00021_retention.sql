-- +goose Up
CREATE TABLE retention (
  id TINYINT PRIMARY KEY, -- 1 clicks, 2 minutes, 3 the lock of a rebuild
  floor_day INT NOT NULL
) ENGINE=InnoDB;
