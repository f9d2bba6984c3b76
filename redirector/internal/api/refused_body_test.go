package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
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
