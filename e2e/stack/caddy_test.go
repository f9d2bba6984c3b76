package stack_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"longtail/e2e/stack"
)

// behind starts a Caddy that has a certificate for every name before the upstream, and returns who asks it.
func behind(t *testing.T, u stack.Upstream) *stack.Visitor {
	t.Helper()
	if _, err := stack.Tool("caddy"); err != nil { // an installation takes longer than a start
		t.Fatal(err)
	}
	ask := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(ask.Close)
	front := stack.Private(t, func(ctx context.Context, dir string) (*stack.Front, error) {
		return stack.Caddy(ctx, dir, fmt.Sprintf("127.0.0.1:%d", u.Public), ask.URL)
	})
	visitor, err := front.Visitor()
	if err != nil {
		t.Fatal(err)
	}
	return visitor
}

// A connection that was good for one answer and breaks at the next request is where a client of HTTP likes to ask again.
func TestCaddyNeverSendsAgainWhatMayHaveArrived(t *testing.T) {
	var seen atomic.Int64
	visitor := behind(t, upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/dies" {
			seen.Add(1)
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusFound)
	}))
	for i, base := range []string{"https://click.example", "http://click.example"} {
		if resp, err := visitor.Get(t.Context(), base+"/good"); err != nil || resp.StatusCode != http.StatusFound {
			t.Fatalf("%s: %v, %v; want a 302", base, resp, err)
		}
		if resp, err := visitor.Get(t.Context(), base+"/dies"); err != nil || resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %v, %v; want a 502", base, resp, err)
		}
		if got := seen.Load(); got != int64(i+1) {
			t.Errorf("%s: requests seen = %d; want %d", base, got, i+1)
		}
	}
}

// Compose publishes no UDP port: HTTP/3 must not be announced. And Caddy tells of itself whether it serves.
func TestCaddyAnnouncesNothingAndSaysThatItServes(t *testing.T) {
	visitor := behind(t, upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) }))
	resp, err := visitor.Get(t.Context(), "https://click.example/code")
	if err != nil || resp.StatusCode != http.StatusFound || resp.Header.Get("Alt-Svc") != "" {
		t.Errorf("%+v, %v; want a 302 without Alt-Svc", resp, err)
	}
	if resp, err = visitor.Get(t.Context(), "http://127.0.0.1/-/caddy"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("/-/caddy: %+v, %v; want a 200 of Caddy itself", resp, err)
	}
}
