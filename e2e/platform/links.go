package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// CreateLink creates a link of a campaign under a code of the platform's own.
func (a *API) CreateLink(ctx context.Context, campaign, code, url string) error {
	return a.send(ctx, http.MethodPost, "/api/v1/links", map[string]any{"campaign": campaign, "code": code, "url": url})
}

// EditLink changes some fields of a link.
func (a *API) EditLink(ctx context.Context, code string, fields map[string]any) error {
	return a.send(ctx, http.MethodPatch, "/api/v1/links/"+code, fields)
}

// send sends an object and expects a good answer, whatever it says.
func (a *API) send(ctx context.Context, method, path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	body, err := a.call(ctx, method, path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	return body.Close()
}
