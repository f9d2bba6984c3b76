package api

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"longtail/redirector/internal/account"
)

// TestRefusedBodies: a client that writes all of a body before it reads is told why it is refused. One that waits to be asked
// for the body hears it at once.
func TestRefusedBodies(t *testing.T) {
	r := newRig(t, nil)
	for name, c := range map[string]struct{ path, body, rule string }{
		"bytes": {"/api/v1/rewrite", `{"html":"` + strings.Repeat("x", 11<<20) + `"}`, "max_bytes"},
		"lines": {"/api/v1/links/bulk", strings.Repeat(`{"url":"https://a.example/path"}`+"\n", maxLines+300_000), "max_lines"},
	} {
		got := r.writeFirst(c.path, c.body, "")
		wantProblem(t, name, got, 413, "too_large", "", c.rule)
	}
	began := time.Now()
	wantProblem(t, "expect", r.writeFirst("/api/v1/rewrite", "", fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", 11<<20)), 413, "too_large", "", "max_bytes")
	if waited := time.Since(began); waited > readPause/2 {
		t.Errorf("answered after %v", waited)
	}
}

// TestSlowBody: a body may take longer than the time that an answer has.
func TestSlowBody(t *testing.T) {
	r := newRig(t, nil)
	hasty := httptest.NewUnstartedServer(r.server.Handler)
	hasty.Config = NewServer(r.server.Handler, slog.New(slog.DiscardHandler))
	hasty.Config.WriteTimeout = 100 * time.Millisecond
	hasty.Start()
	t.Cleanup(hasty.Close)
	body, feed := io.Pipe()
	go func() {
		for _, piece := range []string{`{"url":`, `"https://a.example"`, `}`} {
			time.Sleep(100 * time.Millisecond)
			_, _ = io.WriteString(feed, piece)
		}
		_ = feed.Close()
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hasty.URL+"/api/v1/links", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.keys.text[account.Write])
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("%s; want 201", resp.Status)
	}
}

// writeFirst writes a request to its end, on a connection of its own, before it reads the first byte of the answer.
func (r *rig) writeFirst(path, body, header string) reply {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if header == "" {
		header = fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n%s",
		path, r.keys.text[account.Write], header, body)
	if err != nil {
		r.t.Fatalf("%s: write: %v", path, err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		r.t.Fatalf("%s: read: %v", path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}
