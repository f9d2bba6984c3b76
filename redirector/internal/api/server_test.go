package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/links/linkstest"
	"longtail/redirector/internal/problem"
	"longtail/redirector/internal/stats"
	"longtail/shared/link"
	"longtail/shared/storage"
)

const bootstrap = "the-bootstrap-key-of-these-tests-0001"

// rig is an API over HTTP on stores in memory.
type rig struct {
	t      *testing.T
	url    string
	links  *linkstest.Memory
	keys   keys
	once   *onceMemory
	stats  *statsMemory
	api    *server
	server *http.Server
}

// keys holds one key of each role.
type keys struct {
	rows  map[[8]byte]storage.Key
	text  map[account.Role]string
	other string // of account 2, may write
}

func (k *keys) FindKey(_ context.Context, id [8]byte) (storage.Key, error) {
	key, ok := k.rows[id]
	if !ok {
		return storage.Key{}, link.ErrNotFound
	}
	return key, nil
}

func (k *keys) CreateKey(_ context.Context, key storage.Key) error {
	k.rows[key.ID] = key
	return nil
}

func (k *keys) ListKeys(context.Context, uint32) ([]storage.Key, error) { return nil, nil }
func (k *keys) UpdateKey(context.Context, uint32, [8]byte, storage.KeyPatch) (storage.Key, error) {
	return storage.Key{}, link.ErrNotFound
}

// onceMemory keeps idempotent answers in memory.
type onceMemory struct {
	mu   sync.Mutex
	seen map[string]storage.Earlier
}

func (o *onceMemory) BeginOnce(_ context.Context, _ uint32, key string, hash [32]byte) (storage.Earlier, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old, ok := o.seen[key]; ok {
		return old, nil
	}
	o.seen[key] = storage.Earlier{Hash: hash}
	return storage.Earlier{Began: true}, nil
}

func (o *onceMemory) FinishOnce(_ context.Context, _ uint32, key string, status int, answer []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen[key] = storage.Earlier{Hash: o.seen[key].Hash, Status: status, Answer: bytes.Clone(answer)}
	return nil
}

func (o *onceMemory) AbandonOnce(_ context.Context, _ uint32, key string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.seen, key)
	return nil
}

func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, links: linkstest.New("go.example"), once: &onceMemory{seen: make(map[string]storage.Earlier)}, stats: &statsMemory{complete: 1_800_000_000_000}}
	r.keys = keys{rows: make(map[[8]byte]storage.Key), text: make(map[account.Role]string)}
	for role := account.Read; role <= account.Operator; role++ {
		r.keys.text[role] = r.newKey(1, role)
	}
	r.keys.other = r.newKey(2, account.Write)
	r.links.Hosts = append(r.links.Hosts, storage.Domain{ID: 2, Account: 2, Host: "two.example", Default: true, VerifiedMS: 1})
	base, _ := url.Parse("http://go.example:8080")
	o := Options{
		Gate: account.NewGate(&r.keys, bootstrap), Once: r.once, Stats: stats.New(r.stats), Rates: account.NewRates(100_000, nil), Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Links: links.New(links.Options{Store: r.links, Cache: r.links, Base: base}), Secrets: [][]byte{[]byte("0123456789abcdef0123456789abcdef")},
	}
	if change != nil {
		change(&o)
	}
	var handler http.Handler
	handler, r.api = build(o)
	ts := httptest.NewUnstartedServer(handler)
	ts.Config = NewServer(handler, o.Log)
	ts.Start()
	t.Cleanup(ts.Close)
	r.url, r.server = ts.URL, ts.Config
	return r
}

func (r *rig) newKey(owner uint32, role account.Role) string {
	r.t.Helper()
	text, _, err := account.Create(r.t.Context(), &r.keys, account.NewKey{Account: owner, Role: role})
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends a request with the writing key of account 1. Headers are "Name: value"; one without a value is not sent.
func (r *rig) ask(method, path, body string, headers ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.keys.text[account.Admin])
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Del(name)
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}

// want fails unless the answer has the status.
func (r *rig) want(status int, got reply) reply {
	r.t.Helper()
	if got.status != status {
		r.t.Fatalf("status %d, want %d: %s", got.status, status, got.body)
	}
	return got
}

func into[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// wantProblem fails unless the answer is a whole problem with the code and, if any, the first field and rule.
func wantProblem(t *testing.T, name string, got reply, status int, code, field, rule string) {
	t.Helper()
	if got.status != status || got.header.Get("Content-Type") != "application/problem+json" || got.header.Get("Request-Id") == "" {
		t.Errorf("%s: %d %v %s, want %d", name, got.status, got.header, got.body, status)
		return
	}
	p := into[problem.Problem](t, got.body)
	if p.Status != status || string(p.Code) != code || p.Title == "" || p.Type == "" || p.Detail == "" || p.Errors == nil {
		t.Errorf("%s: %s, want %s", name, got.body, code)
	}
	if rule != "" && (len(p.Errors) == 0 || p.Errors[0].Field != field || p.Errors[0].Rule != rule) {
		t.Errorf("%s: %s, want %s of %q", name, got.body, rule, field)
	}
}
