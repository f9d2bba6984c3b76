package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The cookie lives for twelve hours, is no script's, goes with no request of another site, and only over https where that
// is how the browser came.
func TestCookie(t *testing.T) {
	r := newRig(t)
	for _, proto := range []string{"http", "https"} {
		c := r.send("POST", "/console/sign-in", "", url.Values{"key": {adminKey}}, "X-Forwarded-Proto", proto).Cookies()[0]
		if c.Secure != (proto == "https") || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/console/" || c.MaxAge != int((12*time.Hour).Seconds()) {
			t.Errorf("over %s the cookie is %+v", proto, c)
		}
	}
}

// Whoever may only read is shown nothing that changes anything, and is refused where they try.
func TestReadersOnlyRead(t *testing.T) {
	r := newRig(t)
	cookie, csrf := r.signIn(readKey)
	for _, path := range []string{"/console/campaigns", "/console/campaigns/spring", "/console/links", "/console/links/abc"} {
		res := r.send("GET", path, cookie, nil)
		body := r.body(res)
		if forms := strings.Count(body, `method="post"`); res.StatusCode != 200 || forms != 1 || !strings.Contains(body, "/console/sign-out") {
			t.Errorf("%s: %s with %d forms; want the one that signs out", path, res.Status, forms)
		}
		for _, tab := range []string{"rewrite", "pipeline", "keys", "domains", "audit"} {
			if strings.Contains(body, `href="/console/`+tab) {
				t.Errorf("%s leads to %s", path, tab)
			}
		}
	}
	for _, path := range []string{"/console/rewrite", "/console/pipeline", "/console/keys", "/console/domains", "/console/audit"} {
		if res := r.send("GET", path, cookie, nil); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s; want 403", path, res.Status)
		}
	}
	r.asked = nil
	for _, pattern := range r.console.changes {
		method, path, _ := strings.Cut(fill.Replace(pattern), " ")
		if strings.HasPrefix(path, "/console/sign-") {
			continue
		}
		if res := r.send(method, path, cookie, url.Values{"csrf": {csrf}}); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s; want 403", pattern, res.Status)
		}
	}
	if len(r.asked) != 0 {
		t.Errorf("refused changes reached the API: %q", r.asked)
	}
}

// Signing in leads on to a page of the console, never to another site.
func TestNextIsOurs(t *testing.T) {
	for to, want := range map[string]string{
		"/console/links?q=x": "/console/links?q=x", "": "/console/campaigns", "https://evil.example/": "/console/campaigns", "//evil.example/console/": "/console/campaigns",
		"/console/\\evil": "/console/campaigns", "/console/sign-out": "/console/campaigns", "/api/v1/keys": "/console/campaigns",
	} {
		if got := next(httptest.NewRequestWithContext(t.Context(), "GET", "/console/sign-in?next="+url.QueryEscape(to), nil)); got != want {
			t.Errorf("%q: %q; want %q", to, got, want)
		}
	}
}
