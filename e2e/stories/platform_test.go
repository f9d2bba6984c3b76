package stories

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"longtail/e2e/evidence"
	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/shared/link"
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
	Clicks           int       `json:"clicks"`
	Human            int       `json:"human"`
	Machine          int       `json:"machine"`
	Unknown          int       `json:"unknown"`
	UniqueRecipients int       `json:"unique_recipients"`
	CompleteThrough  time.Time `json:"complete_through"`
	Links            []struct {
		Code             string `json:"code"`
		Clicks           int    `json:"clicks"`
		UniqueRecipients int    `json:"unique_recipients"`
	} `json:"links"`
}

// stats are the figures as the oracle takes them.
func (f figures) stats() *oracle.Stats {
	s := &oracle.Stats{Clicks: f.Clicks, Human: f.Human, Machine: f.Machine, Unknown: f.Unknown,
		UniqueRecipients: f.UniqueRecipients, Links: map[string]oracle.LinkStats{}}
	for _, l := range f.Links {
		s.Links[l.Code] = oracle.LinkStats{Clicks: l.Clicks, UniqueRecipients: l.UniqueRecipients}
	}
	return s
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

// signingKey asks for the key that signs a campaign's recipients.
func (p platform) signingKey(t *testing.T, campaign string) (key link.CampaignKey) {
	t.Helper()
	var keys struct {
		Keys []struct {
			Hex string `json:"key_hex"`
		} `json:"keys"`
	}
	if err := p.get(t, "/api/v1/campaigns/"+campaign+"/signing-keys", &keys); err != nil || len(keys.Keys) == 0 {
		t.Fatalf("signing keys: %v, %v", keys, err)
	}
	if n, err := hex.Decode(key[:], []byte(keys.Keys[0].Hex)); err != nil || n != len(key) {
		t.Fatalf("signing key %q: %v", keys.Keys[0].Hex, err)
	}
	return key
}

// campaign makes a campaign of a few links, whose clicks are known beforehand to the last byte.
func (p platform) campaign(t *testing.T, id string) *oracle.Campaign {
	t.Helper()
	links := make([]oracle.Link, 5)
	host := ""
	for i := range links {
		made := p.link(t, id, oracle.Target(i))
		u, err := url.Parse(made.TrackedURL)
		if err != nil || made.URL != oracle.Target(i) {
			t.Fatalf("link %+v, %v; want the target %s", made, err, oracle.Target(i))
		}
		links[i], host = oracle.Link{Code: made.Code, Path: u.Path, URL: made.URL}, u.Host
	}
	return oracle.NewCampaign(id, host, links, 300, p.signingKey(t, id), 1)
}

// start lets n people click at a fixed rate on addr, whatever the answers; at rate 0 all of them are due at once.
func start(t *testing.T, c *oracle.Campaign, addr string, n, perSecond int) *load.Run {
	t.Helper()
	due := make([]time.Duration, n)
	for i := range due {
		if perSecond > 0 {
			due[i] = time.Duration(i) * time.Second / time.Duration(perSecond)
		}
	}
	addr = strings.TrimPrefix(addr, "http://")
	return load.Start(t.Context(), load.Options{Addr: addr, Connections: 50, Timeout: 10 * time.Second}, due, c)
}

// settle waits until the campaign's figures are complete past now: from then on they may not change any more.
func (p platform) settle(t *testing.T, campaign string, limit time.Duration) {
	t.Helper()
	end := time.Now()
	var last figures
	var err error
	until(t, limit, func() string {
		return fmt.Sprintf("complete_through past %s; it is %s (%v)", end.UTC(), last.CompleteThrough, err)
	}, func() bool {
		err = p.get(t, "/api/v1/campaigns/"+campaign+"/stats", &last)
		return err == nil && last.CompleteThrough.After(end)
	})
}

// judge waits until everything is counted and holds the rows, the rollups, the API's figures and the balance against
// what people saw. HEAD is in no figure.
func (p platform) judge(t *testing.T, c *oracle.Campaign, db *evidence.Database, answers []load.Answer) *oracle.Tally {
	t.Helper()
	p.settle(t, c.ID, time.Minute)
	rows, err := db.Rows(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	rows = slices.DeleteFunc(rows, func(r oracle.Row) bool { return r.Method == http.MethodHead })
	found := c.Compare(answers, rows, true)
	t.Logf("issued %d, answered %d, no answer %d, not sent %d, other answers %v; rows %d, lost %d, duplicated %d, unexpected %d, recovered %d",
		found.Issued, found.Answered, found.Unanswered, found.NotSent, found.Others, found.Rows, found.Lost, found.Duplicated, found.Unexpected, found.Recovered)
	if found.Broken() {
		t.Errorf("the promise is broken:\n%s", strings.Join(found.Examples, "\n"))
	}
	told, err := db.Figures(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	var f figures
	if err := p.get(t, "/api/v1/campaigns/"+c.ID+"/stats", &f); err != nil {
		t.Fatal(err)
	}
	told.Stats = f.stats()
	for _, difference := range oracle.Differences(rows, told) {
		t.Error(difference)
	}
	var b balance
	until(t, 15*time.Second, func() string { return fmt.Sprintf("a balance at rest: %+v", b) }, func() bool {
		return p.get(t, "/api/v1/campaigns/"+c.ID+"/balance", &b) == nil && b.Waiting == 0
	})
	if b.Answered != b.Stored+b.Waiting+b.SetAside || b.Stored != found.Rows {
		t.Errorf("balance %+v; want %d stored", b, found.Rows)
	}
	return found
}
