-- +goose Up
CREATE INDEX campaigns_name ON campaigns (CAST(name AS TEXT)); -- as the views show it
