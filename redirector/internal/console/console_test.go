package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"longtail/redirector/internal/account"
	"longtail/shared/link"
	"longtail/shared/storage"
)

const (
	adminKey = "an-admin's-key"
	readKey  = "a-reader's-key"
)

// gate knows an admin's key, that can be revoked, a reader's and the bootstrap key.
type gate struct {
	revoked bool
	boot    string
}

var adminID, readID = account.KeyID{1}, account.KeyID{2}

// fill puts something into the places of a route.
var fill = strings.NewReplacer("{campaign}", "c", "{code}", "c", "{key}", "k", "{domain}", "d")

func (g *gate) Principal(_ context.Context, key string) (account.Principal, error) {
	switch {
	case key == adminKey && !g.revoked:
		return account.Principal{Account: 7, Key: adminID, Role: account.Admin}, nil
	case key == readKey:
		return account.Principal{Account: 7, Key: readID, Role: account.Read}, nil
	case key == g.boot:
		return account.Principal{Account: 1, Role: account.Operator}, nil
	}
	return account.Principal{}, account.ErrUnknown
}

func (g *gate) Holder(ctx context.Context, id account.KeyID) (account.Principal, error) {
	return g.Principal(ctx, map[account.KeyID]string{adminID: adminKey, readID: readKey}[id])
}

func (g *gate) Bootstrap() (name [32]byte, who account.Principal, ok bool) {
	copy(name[:], g.boot)
	return name, account.Principal{Account: 1, Role: account.Operator}, true
}

// sessions are kept in memory.
type sessions struct {
	mu  sync.Mutex
	all map[[32]byte]storage.Session
}

func (s *sessions) CreateSession(_ context.Context, n storage.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[n.IDHash] = n
	return nil
}

func (s *sessions) FindSession(_ context.Context, h [32]byte) (storage.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.all[h]; ok {
		return found, nil
	}
	return storage.Session{}, link.ErrNotFound
}

func (s *sessions) EndSession(_ context.Context, h [32]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, h)
	return nil
}

// A rig is a console before an API that answers every question with the same text in each of its fields.
type rig struct {
	*testing.T
	instead func(*http.Request) (status int, body string) // 0: as usual
	console *Console
	gate    *gate
	mu      sync.Mutex
	asked   []string // under mu: pages ask several things at once
	text    string
	more    map[string]any // fields of answers beside those
	status  int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, gate: &gate{boot: "the bootstrap key"}, text: "text", status: 200}
	r.console = New(Options{API: http.HandlerFunc(r.api), Gate: r.gate, Sessions: &sessions{all: map[[32]byte]storage.Session{}}, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(r.console.Close)
	return r
}

func (r *rig) api(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	r.asked = append(r.asked, q.Method+" "+q.URL.Path)
	r.mu.Unlock()
	if r.instead != nil {
		if status, body := r.instead(q); status != 0 {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return
		}
	}
	object := map[string]any{
		"campaign": r.text, "name": r.text, "code": r.text, "url": "https://a.example/" + r.text, "tracked_url": "https://go.example/" + r.text, "domain": r.text,
		"tags": []string{r.text}, "state": "live", "recipient": r.text, "reason": r.text, "detail": r.text, "id": r.text, "role": "read", "hosts": []string{r.text},
		"actor": r.text, "action": r.text, "object": r.text, "after": map[string]string{"url": r.text}, "fallback_url": r.text, "version": 3, "before": map[string]string{"url": r.text, "name": r.text},
		"instance": r.text, "feed": r.text, "text": r.text, "clicks": 5,
	}
	all := map[string]any{"data": []any{object}, "links": []any{object}, "workers": []any{object}, "holding_back": []any{object}, "advice": []any{object}, "skipped": []any{object}, "gaps": []any{object}}
	maps.Copy(all, object)
	maps.Copy(all, r.more)
	if r.status/100 != 2 {
		all = map[string]any{"status": r.status, "title": "Unprocessable", "errors": []any{map[string]string{"field": "url", "rule": "scheme", "detail": r.text}}}
	}
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(all)
}

// send sends a request with a cookie and returns the answer.
func (r *rig) send(method, path, cookie string, form url.Values, header ...string) *http.Response {
	r.Helper()
	q := httptest.NewRequestWithContext(r.Context(), method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		q.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.console.ServeHTTP(w, q)
	return w.Result()
}

// signIn returns the cookie and the token of forms.
func (r *rig) signIn(key string) (cookie, csrf string) {
	r.Helper()
	res := r.send("POST", "/console/sign-in", "", url.Values{"key": {key}})
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 {
		r.Fatalf("sign in: %s, cookies %v", res.Status, res.Cookies())
	}
	c := res.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		r.Errorf("cookie %+v; want HttpOnly and SameSite=Strict", c)
	}
	m := regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`).FindStringSubmatch(r.body(r.send("GET", "/console/campaigns", c.Value, nil)))
	if m == nil {
		r.Fatal("no form with a token")
	}
	return c.Value, m[1]
}

func (r *rig) body(res *http.Response) string {
	r.Helper()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.Fatal(err)
	}
	return string(text)
}

// pages are all GET routes that show something.
var pages = []string{
	"/console/campaigns", "/console/campaigns/spring?span=day&tz=Asia/Kolkata&recipient=r", "/console/campaigns/spring?span=days&from=2026-11-01&tz=Mars", "/console/links?q=x", "/console/links/abc?domain=go.example",
	"/console/rewrite", "/console/pipeline", "/console/keys", "/console/domains", "/console/audit",
}

func TestPages(t *testing.T) {
	r := newRig(t)
	cookie, _ := r.signIn("the bootstrap key")
	for _, path := range pages {
		res := r.send("GET", path, cookie, nil)
		if res.StatusCode != 200 {
			t.Errorf("%s: %s", path, res.Status)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if text := r.body(res); regexp.MustCompile(`(?i)<[^>]+\s(style|on[a-z]+)=|<script>|<style`).MatchString(text) {
			t.Errorf("%s has inline style or script, which its own policy refuses", path)
		}
		if res := r.send("GET", path, "", nil); res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/console/sign-in?next=") {
			t.Errorf("%s without a session: %s to %q", path, res.Status, res.Header.Get("Location"))
		}
	}
}

// TestS14: whatever changes something is refused from another site, without a session, and without its form's token.
func TestS14(t *testing.T) {
	r := newRig(t)
	cookie, csrf := r.signIn("the bootstrap key")
	r.asked = nil
	for _, pattern := range r.console.changes {
		method, path, _ := strings.Cut(fill.Replace(pattern), " ")
		for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
			if res := r.send(method, path, cookie, url.Values{"csrf": {csrf}, "key": {adminKey}}, header...); res.StatusCode != http.StatusForbidden {
				t.Errorf("%s from another site (%s): %s; want 403", pattern, header[0], res.Status)
			}
		}
		if path == "/console/sign-in" {
			continue
		}
		if res := r.send(method, path, cookie, url.Values{"csrf": {"0123"}}); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s without its token: %s; want 403", pattern, res.Status)
		}
		if res := r.send(method, path, "", url.Values{"csrf": {csrf}}); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a session: %s; want 401", pattern, res.Status)
		}
	}
	if len(r.asked) != 0 {
		t.Errorf("refused changes reached the API: %q", r.asked)
	}
	t.Logf("%d routes that change something, all refused", len(r.console.changes))
}

// A session ends with its key, with the bootstrap key's setting, and with the sign-out.
func TestSessionsEnd(t *testing.T) {
	r := newRig(t)
	admin, csrf := r.signIn(adminKey)
	boot, _ := r.signIn("the bootstrap key")
	gone := func(cookie string) bool {
		return r.send("GET", "/console/campaigns", cookie, nil).StatusCode == http.StatusSeeOther
	}
	if gone(admin) || gone(boot) || !gone("k-no-session") {
		t.Fatal("a session is not what it should be")
	}
	if res := r.send("GET", "/console/pipeline", admin, nil); res.StatusCode != http.StatusForbidden {
		t.Errorf("the operator's page with an admin's key: %s; want 403", res.Status)
	}
	r.gate.revoked = true
	if !gone(admin) {
		t.Error("a revoked key's session lives on")
	}
	r.gate.revoked = false
	r.gate.boot = "another bootstrap key"
	if !gone(boot) {
		t.Error("the session of a bootstrap key that was changed lives on")
	}
	if r.send("POST", "/console/sign-out", admin, url.Values{"csrf": {csrf}}); !gone(admin) {
		t.Error("signed out, and the session lives on")
	}
	for _, asks := range []string{"application/json", "text/event-stream"} {
		if res := r.send("GET", "/console/campaigns", admin, nil, "Accept", asks); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("a script that asks for %s after that: %s; want 401, which it understands", asks, res.Status)
		}
	}
	if res := r.send("POST", "/console/sign-in", "", url.Values{"key": {"no key"}}); res.StatusCode != http.StatusUnauthorized || len(res.Cookies()) != 0 {
		t.Errorf("a wrong key: %s with cookies %v", res.Status, res.Cookies())
	}
}

// TestS12: texts that break programs stand on every page as text.
func TestS12(t *testing.T) {
	r := newRig(t)
	cookie, _ := r.signIn("the bootstrap key")
	naughty := []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onclick='alert(1)`, `javascript:alert(1)`, "{{.}}", "</textarea><script>alert(1)</script>"}
	if text, err := os.ReadFile("../../../../shared/data/naughty-strings.json"); err == nil {
		naughty = nil
		if err := json.Unmarshal(text, &naughty); err != nil {
			t.Fatal(err)
		}
	}
	tags := regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
	r.text = "plain"
	skeleton := map[string]int{}
	for _, path := range pages {
		skeleton[path] = len(tags.FindAllString(r.body(r.send("GET", path, cookie, nil)), -1))
	}
	for some := range slices.Chunk(naughty, 10) {
		r.text = strings.Join(some, " ")
		for _, path := range pages {
			body := r.body(r.send("GET", path, cookie, nil))
			if got := len(tags.FindAllString(body, -1)); got < skeleton[path] || got > skeleton[path]+40 {
				t.Errorf("%s with %q has %d tags; with plain text %d", path, r.text, got, skeleton[path])
			}
			for _, text := range some {
				if strings.Contains(text, "<") && len(text) > 3 && strings.Contains(body, text) {
					t.Errorf("%s shows %q as it is", path, text)
				}
			}
		}
	}
	t.Logf("%d strings on %d pages", len(naughty), len(pages))
}

// A refused form shows the field and the reason, and what was typed.
func TestRefusedForm(t *testing.T) {
	r := newRig(t)
	cookie, csrf := r.signIn("the bootstrap key")
	var p *problem
	r.status, r.text = 422, "has no host"
	err := r.console.call(t.Context(), account.Principal{}, request{method: "POST", path: "/api/v1/links", body: map[string]string{}}, nil)
	if !errors.As(err, &p) || p.Error() != "url: has no host" {
		t.Errorf("error %v; want the field and the reason", err)
	}
	res := r.send("POST", "/console/rewrite", cookie, url.Values{"csrf": {csrf}, "campaign": {"spring"}, "html": {"<p>typed</p>"}})
	if body := r.body(res); res.StatusCode != 422 || !strings.Contains(body, "url: has no host") || !strings.Contains(body, "&lt;p&gt;typed&lt;/p&gt;") {
		t.Errorf("%s; want the reason and what was typed", res.Status)
	}
}
