package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// CreateLink creates a link of a campaign under a code of the platform's own.
func (a *API) CreateLink(ctx context.Context, campaign, code, url string) error {
	return a.send(ctx, http.MethodPost, "/api/v1/links", map[string]any{"campaign": campaign, "code": code, "url": url}, nil)
}

// EditLink changes some fields of a link.
func (a *API) EditLink(ctx context.Context, code string, fields map[string]any) error {
	return a.send(ctx, http.MethodPatch, "/api/v1/links/"+code, fields, nil)
}

// CreateLinkOn creates a link of a campaign on a domain, and returns the address that is mailed.
func (a *API) CreateLinkOn(ctx context.Context, domain, campaign, url string) (tracked string, err error) {
	var v struct {
		Tracked string `json:"tracked_url"`
	}
	err = a.send(ctx, http.MethodPost, "/api/v1/links", map[string]any{"domain": domain, "campaign": campaign, "url": url}, &v)
	return v.Tracked, err
}

// send sends an object, or nothing for nil, expects a good answer and reads it into another one, if there is one.
func (a *API) send(ctx context.Context, method, path string, v, into any) error {
	var text []byte
	if v != nil {
		var err error
		if text, err = json.Marshal(v); err != nil {
			return err
		}
	}
	body, err := a.call(ctx, method, path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	if into == nil {
		return body.Close()
	}
	return read(body, path, into)
}
