package stack_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"longtail/e2e/stack"
)

// upstream serves h as a redirector that is ready and returns its port.
func upstream(t *testing.T, h http.HandlerFunc) stack.Upstream {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/-/ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/", h)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	port := s.Listener.Addr().(*net.TCPAddr).Port
	return stack.Upstream{Public: port, API: port}
}

// before starts a load balancer before the upstreams.
func before(t *testing.T, upstreams ...stack.Upstream) *stack.Proxy {
	t.Helper()
	return stack.Private(t, func(ctx context.Context, dir string) (*stack.Proxy, error) {
		return stack.HAProxy(ctx, dir, upstreams...)
	})
}

// get sends one GET on a connection of its own; Go's client would send it again when the connection breaks.
func get(t *testing.T, port int, path string) (*http.Response, error) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(conn), nil)
}

func TestHAProxyTriesAnotherServerOnlyWhenTheConnectionFailed(t *testing.T) {
	var seen atomic.Int64
	here := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		w.Header().Set("X-Saw", r.Header.Get("X-Forwarded-For"))
		w.WriteHeader(http.StatusFound)
	})
	port, err := stack.FreePort() // nobody listens there
	if err != nil {
		t.Fatal(err)
	}
	p := before(t, stack.Upstream{Public: port, API: port}, here)
	for i := range 20 {
		resp, err := get(t, p.Port, "/code")
		if err != nil || resp.StatusCode != http.StatusFound {
			t.Fatalf("request %d: %v, %v; want a 302 of the server that is there", i, resp, err)
		}
		if saw := resp.Header.Get("X-Saw"); saw != "127.0.0.1" {
			t.Fatalf("X-Forwarded-For = %q; want the client's address", saw)
		}
	}
	if seen.Load() != 20 {
		t.Fatalf("requests seen = %d; want 20", seen.Load())
	}
	if resp, err := get(t, p.APIPort, "/api"); err != nil || resp.StatusCode != http.StatusFound {
		t.Fatalf("API: %v, %v; want the same servers", resp, err)
	}
}

// dying breaks the connection of every request but those for /-/ready, after the beginning of an answer if there is one.
func dying(t *testing.T, seen *atomic.Int64, answer string) stack.Upstream {
	t.Helper()
	return upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		seen.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	})
}

func TestHAProxyAsksAnotherServerForAClickWithoutAnAnswer(t *testing.T) {
	var dead, alive atomic.Int64
	p := before(t, dying(t, &dead, ""), upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		alive.Add(1)
		w.WriteHeader(http.StatusFound)
	}))
	for i := range 20 {
		if resp, err := get(t, p.Port, "/code"); err != nil || resp.StatusCode != http.StatusFound {
			t.Fatalf("click %d: %v, %v; want the 302 of the server that answers", i, resp, err)
		}
	}
	if dead.Load() == 0 || alive.Load() != 20 {
		t.Fatalf("requests seen by the one that dies %d, by the other %d; want some, and 20", dead.Load(), alive.Load())
	}
}

func TestHAProxySendsNothingElseAgain(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		port   func(*stack.Proxy) int
	}{
		"a click whose answer breaks off": {"HTTP/1.1 302 Found\r\nContent-Length: 9\r\n\r\ncut", func(p *stack.Proxy) int { return p.Port }},
		"a call of the API":               {"", func(p *stack.Proxy) int { return p.APIPort }},
	} {
		var seen atomic.Int64
		p := before(t, dying(t, &seen, c.answer), dying(t, &seen, c.answer))
		resp, err := get(t, c.port(p), "/code")
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v, %v; want a connection that ends too early", name, resp, err)
		}
		if seen.Load() != 1 {
			t.Errorf("%s: servers that saw it = %d; want 1", name, seen.Load())
		}
	}
}

func TestHAProxyWithoutServersSaysComeAgain(t *testing.T) {
	port, err := stack.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	p := before(t, stack.Upstream{Public: port, API: port})
	resp, err := get(t, p.Port, "/code")
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("answer = %v, %v; want 503 with Retry-After", resp, err)
	}
}

func TestHAProxyTakesOutAServerThatIsNotReady(t *testing.T) {
	var isReady atomic.Bool
	isReady.Store(true)
	answer := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Server", name) }
	}
	leaving := http.NewServeMux()
	leaving.HandleFunc("/", answer("leaving"))
	leaving.HandleFunc("/-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !isReady.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s := httptest.NewServer(leaving)
	t.Cleanup(s.Close)
	port := s.Listener.Addr().(*net.TCPAddr).Port
	p := before(t, stack.Upstream{Public: port, API: port}, upstream(t, answer("staying")))
	if err := p.Balances(within(t, 5*time.Second), 2); err != nil {
		t.Fatal(err)
	}

	isReady.Store(false)
	for deadline, inRow := time.Now().Add(5*time.Second), 0; inRow < 50; {
		resp, err := get(t, p.Port, "/code")
		if err != nil {
			t.Fatal(err)
		}
		if inRow++; resp.Header.Get("X-Server") == "leaving" {
			inRow = 0
		}
		if time.Now().After(deadline) {
			t.Fatal("a server that is not ready still gets requests after 5 s")
		}
	}
	if err := p.Balances(within(t, 5*time.Second), 1); err != nil {
		t.Fatal(err)
	}
}
