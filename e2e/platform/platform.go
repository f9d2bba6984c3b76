// Package platform is an email platform as the API sees it: it creates tracked links, asks for the keys that sign
// recipients, and reads results. It stands at both ends of the click's way.
package platform

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"longtail/e2e/oracle"
	"longtail/shared/link"
)

// callLimit bounds one call.
const callLimit = 30 * time.Second

// An API is reached at a base URL, without a trailing slash, with a key.
type API struct {
	Base, Key string

	client http.Client
}

// CreateLinks creates links of a campaign, in order, in one call.
func (a *API) CreateLinks(ctx context.Context, campaign string, urls []string) ([]oracle.Link, error) {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for _, u := range urls {
		if err := enc.Encode(map[string]string{"url": u, "campaign": campaign}); err != nil {
			return nil, err
		}
	}
	body, err := a.call(ctx, http.MethodPost, "/api/v1/links/bulk", "application/x-ndjson", &lines)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var links []oracle.Link
	for answer := bufio.NewScanner(body); answer.Scan(); {
		l, done, err := readLine(answer.Bytes())
		switch {
		case err != nil:
			return nil, err
		case done && len(links) != len(urls):
			return nil, fmt.Errorf("the API created %d of %d links", len(links), len(urls))
		case done:
			return links, nil
		}
		links = append(links, l)
	}
	return nil, errors.New("the answer to the bulk create was cut")
}

// readLine reads one line of a bulk answer.
func readLine(line []byte) (l oracle.Link, done bool, err error) {
	var v struct {
		Code  string          `json:"code"`
		URL   string          `json:"url"`
		Track string          `json:"tracked_url"`
		Done  bool            `json:"done"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return l, false, fmt.Errorf("read the answer to the bulk create: %w", err)
	}
	if v.Error != nil {
		return l, false, fmt.Errorf("the API refused a link: %s", v.Error)
	}
	if v.Done {
		return l, true, nil
	}
	u, err := url.Parse(v.Track)
	if err != nil {
		return l, false, fmt.Errorf("tracked URL of %s: %w", v.Code, err)
	}
	return oracle.Link{Code: v.Code, Path: u.EscapedPath(), URL: v.URL}, false, nil
}

// SigningKey is the key that signs a campaign's recipients.
func (a *API) SigningKey(ctx context.Context, campaign string) (link.CampaignKey, error) {
	var v struct {
		Keys []struct {
			Hex string `json:"key_hex"`
		} `json:"keys"`
	}
	var key link.CampaignKey
	if err := a.get(ctx, "/api/v1/campaigns/"+campaign+"/signing-keys", &v); err != nil {
		return key, err
	}
	if len(v.Keys) == 0 {
		return key, errors.New("the campaign has no signing key")
	}
	b, err := hex.DecodeString(v.Keys[0].Hex)
	if err != nil || len(b) != len(key) {
		return key, errors.Join(errors.New("the signing key is not 32 bytes of hex"), err)
	}
	return link.CampaignKey(b), nil
}

func (a *API) get(ctx context.Context, path string, v any) error {
	body, err := a.call(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	return read(body, path, v)
}

// read reads the object that path answered.
func read(body io.ReadCloser, path string, v any) error {
	defer body.Close()
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return nil
}

// call returns the body of a good answer; its reader closes it.
func (a *API) call(ctx context.Context, method, path, contentType string, body io.Reader) (io.ReadCloser, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	req, err := http.NewRequestWithContext(ctx, method, a.Base+path, body)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.Key)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := a.client.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		defer cancel()
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, res.Status, bytes.TrimSpace(text))
	}
	return limited{res.Body, cancel}, nil
}

// limited ends a call's limit with its body.
type limited struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (l limited) Close() error {
	defer l.cancel()
	return l.ReadCloser.Close()
}
