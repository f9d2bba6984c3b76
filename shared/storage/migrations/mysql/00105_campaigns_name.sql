-- +goose Up
SELECT 1; -- the table has its index already
