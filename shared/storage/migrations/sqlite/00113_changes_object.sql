-- +goose Up
CREATE INDEX changes_object ON changes (kind, object_id, version);
