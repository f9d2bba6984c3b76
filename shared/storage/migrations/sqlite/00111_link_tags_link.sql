-- +goose Up
CREATE INDEX link_tags_link ON link_tags (link_id);
