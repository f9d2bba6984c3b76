-- +goose Up
SELECT 1; -- MySQL cuts link_minutes by day instead
