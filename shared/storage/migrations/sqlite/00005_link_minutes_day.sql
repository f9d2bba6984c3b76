-- +goose Up
CREATE INDEX link_minutes_day ON link_minutes (day);
