package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// campaign is the name of the demo's campaign.
const campaign = "demo"

// A client uses the two calls of the API that the demo needs.
type client struct{ api string }

// A link is what the API tells about one.
type link struct {
	TrackedURL string `json:"tracked_url"`
	URL        string `json:"url"`
}

// links makes a link for each target.
func (c client) links(ctx context.Context, targets ...string) ([]link, error) {
	made := make([]link, len(targets))
	for i, target := range targets {
		if err := c.call(ctx, http.MethodPost, "/api/v1/links", map[string]string{"url": target, "campaign": campaign}, &made[i]); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// counted is the campaign's figure.
func (c client) counted(ctx context.Context) (int, error) {
	var stats struct {
		Clicks int `json:"clicks"`
	}
	err := c.call(ctx, http.MethodGet, "/api/v1/campaigns/"+campaign+"/stats", nil, &stats)
	return stats.Clicks, err
}

func (c client) call(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		text = nil
	}
	req, err := http.NewRequestWithContext(ctx, method, c.api+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// crowd is everybody who clicks, on one link after the other.
type crowd []link

// AppendRequest implements load.Clicks.
func (c crowd) AppendRequest(dst []byte, i int) []byte {
	u, err := url.Parse(c[i%len(c)].TrackedURL)
	if err != nil {
		return dst // the API answers with URLs
	}
	return fmt.Appendf(dst, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (demo)\r\n\r\n", u.Path, u.Host)
}

// Location implements load.Clicks.
func (c crowd) Location(i int) string { return c[i%len(c)].URL }
