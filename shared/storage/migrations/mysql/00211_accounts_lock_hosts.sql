-- +goose Up
ALTER TABLE accounts ADD COLUMN lock_hosts TINYINT NOT NULL DEFAULT 0; -- 1: the host of a link's target never changes
