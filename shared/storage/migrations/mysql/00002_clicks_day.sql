-- +goose Up
SELECT 1; -- MySQL cuts clicks by day instead
