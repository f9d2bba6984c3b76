-- +goose Up
UPDATE domains SET verified_ms = created_ms WHERE verified_ms IS NULL; -- links stand on them since before hosts were proven
