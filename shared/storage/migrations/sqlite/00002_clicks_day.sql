-- +goose Up
CREATE INDEX clicks_day ON clicks (day);
