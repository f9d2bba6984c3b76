package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// How often and how long a call is tried.
const (
	tries      = 5
	firstPause = 200 * time.Millisecond
	mostPause  = 10 * time.Second
	mostAnswer = 64 << 20 // bytes of one answer that is read whole
)

// A Client calls one server with one key. It is safe for concurrent use.
type Client struct {
	base string
	key  string
	http *http.Client
}

// New returns a client of the API at base, such as https://api.example, with a key. A nil hc is a client with a limit of
// 30 s a call; a limit cuts the answer to a bulk request as well.
func New(base, key string, hc *http.Client) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the API's address is http:// or https:// and a host")
	}
	if hc == nil {
		hc = &http.Client{Timeout: 30 * time.Second}
	}
	return &Client{base: strings.TrimSuffix(base, "/"), key: key, http: hc}, nil
}

// Error returns what is wrong, field by field.
func (p *Problem) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d %s: %s", p.Status, p.Code, p.Detail)
	for _, f := range list(p.Errors) {
		fmt.Fprintf(&text, "; %s: %s (%s)", f.Field, f.Detail, f.Rule)
	}
	return text.String()
}

func list[T any](p *[]T) []T {
	if p == nil {
		return nil
	}
	return *p
}

// A call is one request, to be tried again as long as it may.
type call struct {
	method, path, media string
	body                []byte
	header              http.Header
	again               bool // repeating it is harmless
}

// do calls until there is an answer, and decodes it into v if that is not nil.
func (c *Client) do(ctx context.Context, k call, v any) error {
	resp, err := c.send(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err == nil && v != nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", k.method, k.path, err)
	}
	return nil
}

// send returns the first answer that is a success. The caller closes its body.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	pause := firstPause
	for try := 1; ; try++ {
		resp, err := c.once(ctx, k)
		if err == nil && resp.StatusCode < http.StatusBadRequest {
			return resp, nil
		}
		wait, told := pause, err
		if err == nil {
			told, wait = refused(resp), max(pause, retryAfter(resp.Header))
		}
		if ctx.Err() != nil || try == tries || !k.again || err == nil && !passing(resp.StatusCode) {
			return nil, told
		}
		if err := sleep(ctx, min(wait, mostPause)); err != nil {
			return nil, errors.Join(told, err)
		}
		pause *= 2
	}
}

func (c *Client) once(ctx context.Context, k call) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, k.method, c.base+k.path, bytes.NewReader(k.body))
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, k.header)
	req.Header.Set("Authorization", "Bearer "+c.key)
	if k.body != nil {
		req.Header.Set("Content-Type", k.media)
	}
	return c.http.Do(req)
}

// passing reports whether a refusal may be over in a moment.
func passing(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// refused reads a refusal.
func refused(resp *http.Response) error {
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	p := &Problem{}
	if err == nil && json.Unmarshal(raw, p) == nil && p.Code != "" {
		return p
	}
	return fmt.Errorf("the server answered %s", resp.Status)
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// asJSON is a call with a JSON body.
func asJSON(method, path string, v any) (call, error) {
	raw, err := json.Marshal(v)
	return call{method: method, path: path, media: "application/json", body: raw}, err
}

// newKey names one request, however often it is tried.
func newKey() http.Header { return http.Header{"Idempotency-Key": {rand.Text()}} }
