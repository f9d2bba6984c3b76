package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/api"
	"longtail/redirector/internal/check"
	"longtail/redirector/internal/domains"
	"longtail/redirector/internal/edge"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/links/linkstest"
	"longtail/redirector/internal/stats"
	"longtail/shared/link"
	"longtail/shared/pool"
	"longtail/shared/storage"
)

const bootstrap = "the-bootstrap-key-of-these-tests-0001"

// rig is the API over HTTP on a real SQLite.
type rig struct {
	*testing.T
	url  string
	path string // of the database's file
	db   *storage.DB
	key  string
	dns  dns
	log  lockedBuffer
	told int // changes that the caches were told of
	o    api.Options
}

// lockedBuffer keeps a log.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

// Write adds a line.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// KeysChanged counts.
func (r *rig) KeysChanged(context.Context) { r.told++ }

// DomainsChanged counts and tells the links' room, as the program does.
func (r *rig) DomainsChanged(context.Context) {
	r.told++
	r.o.Links.DomainsChanged()
}

// Check answers as a redirector that knows every link.
func (r *rig) Check(_ context.Context, l link.Link, _ string, _ check.Click) (check.Answer, error) {
	return check.Answer{Status: 302, Location: l.URL, Recorded: true, Reason: "redirected"}, nil
}

// Serves answers for one host.
func (r *rig) Serves(host string) bool { return host == "go.example" }

func newRig(t *testing.T) *rig {
	t.Helper()
	ctx := t.Context()
	r := &rig{T: t, key: bootstrap, path: filepath.Join(t.TempDir(), "test.db"), dns: dns{texts: map[string][]string{}, aliases: map[string]string{}}}
	log := slog.New(slog.NewJSONHandler(&r.log, nil))
	db, err := storage.Open(ctx, storage.Options{DSN: "sqlite:" + r.path, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	r.db = db
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if err := db.EnsureDefaultDomain(ctx, "go.example"); err != nil {
		t.Fatal(err)
	}
	codes, err := db.CodeKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	base, _ := url.Parse("https://go.example")
	secret := []byte("0123456789abcdef0123456789abcdef")
	made := links.New(links.Options{Store: db, Cache: linkstest.New("unused"), Codes: codes, Base: base})
	r.o = api.Options{
		Gate: account.NewGate(db, bootstrap), Once: db, Rates: account.NewRates(100_000, nil), Dir: t.TempDir(), Log: log, Stats: stats.New(db),
		Links: made, Secrets: [][]byte{secret},
		Accounts: account.NewService(db, r), Domains: domains.New(domains.Options{Store: db, Cache: r, Targets: made, DNS: &r.dns, Public: "go.example", Secret: secret}),
		Audit: db, Checker: r, Hosts: r, Pipeline: pool.NewView(db), Letters: letters{db}, Erasures: db, Tuning: db, Proxies: edge.NewTrustedProxies([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}),
	}
	ts := httptest.NewServer(api.New(r.o))
	t.Cleanup(ts.Close)
	r.url = ts.URL
	return r
}

// dns is a DNS with a few records, or one that does not answer.
type dns struct {
	texts   map[string][]string
	aliases map[string]string
	down    bool
}

// LookupTXT finds a text.
func (d *dns) LookupTXT(_ context.Context, name string) ([]string, error) {
	if found, ok := d.texts[name]; ok {
		return found, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: !d.down, IsTimeout: d.down}
}

// LookupCNAME finds an alias.
func (d *dns) LookupCNAME(_ context.Context, name string) (string, error) {
	if found, ok := d.aliases[name]; ok {
		return found, nil
	}
	return "", &net.DNSError{Err: "no such host", Name: name, IsNotFound: !d.down, IsTimeout: d.down}
}

// ask sends a request and returns the status and the body, decoded into v if that is not nil.
func (r *rig) ask(method, path, body string, v any, headers ...string) int {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	if resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable {
		r.Errorf("%s %s: %s", method, path, text)
	}
	if s, ok := v.(*string); ok {
		*s = string(text)
	} else if v != nil {
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(v); err != nil {
			r.Fatalf("%s: %v", text, err)
		}
	}
	return resp.StatusCode
}

func (r *rig) want(status int, got int) {
	r.Helper()
	if got != status {
		r.Fatalf("status %d, want %d", got, status)
	}
}

type linkView struct {
	Code, URL, State, Campaign string
	TrackedURL                 string `json:"tracked_url"`
	Tags                       []string
	Version                    uint32
}

func TestLinksOnSQLite(t *testing.T) {
	r := newRig(t)
	var l, same linkView
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/?x=1&y=<2>","campaign":"c1","tags":["t1"],"ref":"r1"}`, &l))
	if l.TrackedURL != "https://go.example/"+l.Code || l.URL != "https://a.example/?x=1&y=<2>" {
		t.Errorf("%+v", l)
	}
	r.want(200, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/?x=1&y=<2>","ref":"r1"}`, &same))
	if same.Code != l.Code {
		t.Errorf("%+v", same)
	}
	r.want(409, r.ask("POST", "/api/v1/links", `{"url":"https://b.example/","ref":"r1"}`, nil))
	r.want(200, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/?x=1&y=<2>","campaign":"c1","reuse":true}`, &same))
	if same.Code != l.Code {
		t.Errorf("%+v", same)
	}
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/","code":"my-code"}`, nil))
	r.want(409, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/","code":"MY-code"}`, nil))
	r.want(200, r.ask("PATCH", "/api/v1/links/"+l.Code, `{"url":"https://new.example/","tags":["t2"],"expires_at":"2040-01-01T00:00:00Z"}`, &l, `If-Match: "1"`))
	if l.Version != 2 || l.URL != "https://new.example/" || l.Tags[0] != "t2" {
		t.Errorf("%+v", l)
	}
	r.want(412, r.ask("PATCH", "/api/v1/links/"+l.Code, `{"name":"x"}`, nil, `If-Match: "1"`))
	var history struct {
		Data []struct {
			Version uint32
			Before  linkView
		}
	}
	r.want(200, r.ask("GET", "/api/v1/links/"+l.Code+"/history", "", &history))
	if len(history.Data) != 1 || history.Data[0].Before.URL != "https://a.example/?x=1&y=<2>" {
		t.Errorf("%+v", history)
	}
	for query, want := range map[string]int{"": 2, "?tag=t2": 1, "?tag=t1": 0, "?campaign=c1": 1, "?q=my-": 1, "?campaign=none": 0} {
		var found struct{ Data []linkView }
		r.want(200, r.ask("GET", "/api/v1/links"+query, "", &found))
		if len(found.Data) != want {
			t.Errorf("%q: %+v", query, found)
		}
	}
	r.want(204, r.ask("DELETE", "/api/v1/links/my-code", "", nil))
	r.want(204, r.ask("DELETE", "/api/v1/links/my-code", "", nil))
	r.want(409, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/","code":"my-code"}`, nil))
	r.want(404, r.ask("GET", "/api/v1/links/no-such", "", nil))
}

func TestCampaignsOnSQLite(t *testing.T) {
	r := newRig(t)
	var c struct {
		Name    string
		UTM     map[string]string
		Version uint32
		SentAt  string `json:"sent_at"`
	}
	r.want(201, r.ask("PUT", "/api/v1/campaigns/a.b:c", `{"name":"Spring","sent_at":"2026-01-01T00:00:00Z","utm":{"source":"mail"},"domain":"go.example","redirect_all":"https://down.example/"}`, &c))
	if c.Name != "Spring" || c.UTM["source"] != "mail" || c.SentAt != "2026-01-01T00:00:00.000Z" {
		t.Errorf("%+v", c)
	}
	r.want(200, r.ask("PUT", "/api/v1/campaigns/a.b:c", `{"name":"Summer"}`, &c))
	r.want(412, r.ask("PUT", "/api/v1/campaigns/a.b:c", `{"name":"x"}`, nil, `If-Match: "99"`))
	r.want(200, r.ask("GET", "/api/v1/campaigns/a.b:c", "", &c))
	if c.Name != "Summer" {
		t.Errorf("%+v", c)
	}
	var list struct{ Data []struct{ Campaign string } }
	r.want(200, r.ask("GET", "/api/v1/campaigns", "", &list))
	if len(list.Data) != 1 || list.Data[0].Campaign != "a.b:c" {
		t.Errorf("%+v", list)
	}
	r.want(404, r.ask("GET", "/api/v1/campaigns/other", "", nil))
}

func TestBulkOnSQLite(t *testing.T) {
	r := newRig(t)
	var body strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&body, `{"url":"https://a.example/%d","ref":"r%d"}`+"\n", i, i)
	}
	body.WriteString(`{"url":"nothing"}` + "\n" + `{"url":"https://a.example/5","ref":"r5"}` + "\n")
	var first, again string
	r.want(200, r.ask("POST", "/api/v1/links/bulk", body.String(), &first))
	r.want(200, r.ask("POST", "/api/v1/links/bulk", body.String(), &again))
	if !strings.HasSuffix(first, `{"done":true,"created":1200,"existing":1,"failed":1}`+"\n") {
		t.Error(first[len(first)-200:])
	}
	if !strings.HasSuffix(again, `{"done":true,"created":0,"existing":1201,"failed":1}`+"\n") {
		t.Error(again[len(again)-200:])
	}
	a, b := strings.Split(first, "\n"), strings.Split(again, "\n")
	for i := range a[:1200] {
		if a[i] != b[i] {
			t.Fatalf("line %d: %s, then %s", i+1, a[i], b[i])
		}
	}
}

func TestKeysOnSQLite(t *testing.T) {
	r := newRig(t)
	text, key, err := account.Create(t.Context(), r.db, account.NewKey{Account: 1, Role: account.Read, Name: "reader"})
	if err != nil {
		t.Fatal(err)
	}
	r.key = text
	r.want(200, r.ask("GET", "/api/v1/links", "", nil))
	r.want(403, r.ask("POST", "/api/v1/links", `{"url":"https://a.example"}`, nil))
	keys, err := account.List(t.Context(), r.db, 1)
	if err != nil || len(keys) != 1 || keys[0].ID != key.ID || keys[0].Name != "reader" {
		t.Errorf("%+v %v", keys, err)
	}
	if err := account.Revoke(t.Context(), r.db, 1, key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := account.NewGate(r.db, "").Principal(t.Context(), text); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("revoked: %v", err)
	}
	if err := account.Revoke(t.Context(), r.db, 1, account.KeyID{1}); err == nil {
		t.Error("a key that is not there was revoked")
	}
}

func TestOnceOnSQLite(t *testing.T) {
	r := newRig(t)
	var first, again string
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example"}`, &first, "Idempotency-Key: k"))
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example"}`, &again, "Idempotency-Key: k"))
	if first != again || first == "" {
		t.Errorf("%s, then %s", first, again)
	}
	r.want(422, r.ask("POST", "/api/v1/links", `{"url":"https://b.example"}`, nil, "Idempotency-Key: k"))
	if e, err := r.db.BeginOnce(t.Context(), 1, "running", [32]byte{1}); err != nil || !e.Began {
		t.Fatalf("%+v %v", e, err)
	}
	if e, err := r.db.BeginOnce(t.Context(), 1, "running", [32]byte{1}); err != nil || e.Began || e.Status != 0 {
		t.Errorf("%+v %v", e, err)
	}
}
