-- +goose Up
CREATE INDEX campaigns_redirecting ON campaigns (id) WHERE redirect_all IS NOT NULL;
