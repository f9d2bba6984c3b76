package stories

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// A platform uses the API as an email platform does.
type platform struct {
	api, key string
}

// A linkMade is what the API tells about a new link.
type linkMade struct {
	Code       string `json:"code"`
	TrackedURL string `json:"tracked_url"`
	URL        string `json:"url"`
	Campaign   string `json:"campaign"`
}

// figures are a campaign's.
type figures struct {
	Clicks          int       `json:"clicks"`
	Human           int       `json:"human"`
	Machine         int       `json:"machine"`
	Unknown         int       `json:"unknown"`
	CompleteThrough time.Time `json:"complete_through"`
}

// balance is where a campaign's answered clicks are.
type balance struct {
	Answered int `json:"answered"`
	Stored   int `json:"stored"`
	Waiting  int `json:"waiting"`
	SetAside int `json:"set_aside"`
}

// do sends a request and returns the answer's status and body.
func (p platform) do(t *testing.T, method, path string, body []byte) (int, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t, 20*time.Second), method, p.api+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// get reads an answer into a value; an error tells why not.
func (p platform) get(t *testing.T, path string, into any) error {
	t.Helper()
	status, text, err := p.do(t, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("GET %s: status %d: %s", path, status, text)
	}
	return json.Unmarshal(text, into)
}

// link creates a link of a campaign.
func (p platform) link(t *testing.T, campaign, url string) linkMade {
	t.Helper()
	body, err := json.Marshal(map[string]string{"campaign": campaign, "url": url})
	if err != nil {
		t.Fatal(err)
	}
	status, text, err := p.do(t, http.MethodPost, "/api/v1/links", body)
	if err != nil || status != http.StatusCreated {
		t.Fatalf("create a link: status %d, %v: %s", status, err, text)
	}
	var made linkMade
	if err := json.Unmarshal(text, &made); err != nil {
		t.Fatal(err)
	}
	return made
}

// agents reads the export of a campaign and counts its rows by user agent.
func (p platform) agents(t *testing.T, campaign string) (map[string]int, error) {
	t.Helper()
	rows, cursor := map[string]int{}, ""
	for {
		status, text, err := p.do(t, http.MethodGet, "/api/v1/clicks?format=ndjson&campaign="+campaign+cursor, nil)
		if err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("export: status %d, %w: %s", status, err, text)
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var row struct {
				ID        string `json:"id"`
				UserAgent string `json:"user_agent"`
			}
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				return nil, fmt.Errorf("line %q of the export: %w", lines.Text(), err)
			}
			if row.ID != "" { // the last line is none
				rows[row.UserAgent]++
			}
		}
		return rows, lines.Err()
	}
}
