-- +goose Up
INSERT INTO retention (id, floor_day) VALUES (1, 19700102), (2, 19700102), (3, 0); -- an id of millisecond 0 is no time
