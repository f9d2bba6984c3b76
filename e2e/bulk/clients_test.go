package bulk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const callLimit = 5 * time.Minute

// An answer is what a client has read.
type answer struct {
	status int
	lines  []string
	done   struct {
		Done                      bool
		Created, Existing, Failed int
	}
}

func newAnswer(t *testing.T, status int, body []byte) answer {
	t.Helper()
	a := answer{status: status, lines: strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")}
	if status == http.StatusOK {
		if err := json.Unmarshal([]byte(a.lines[len(a.lines)-1]), &a.done); err != nil || !a.done.Done {
			t.Fatalf("the last of %d lines: %s %v", len(a.lines), a.lines[len(a.lines)-1], err)
		}
	}
	return a
}

// codes are the codes of all lines.
func (a *answer) codes(t *testing.T) []string {
	t.Helper()
	codes := make([]string, len(a.lines)-1)
	for i := range codes {
		var v struct{ Code string }
		if err := json.Unmarshal([]byte(a.lines[i]), &v); err != nil || v.Code == "" {
			t.Fatalf("line %d: %s %v", i+1, a.lines[i], err)
		}
		codes[i] = v.Code
	}
	return codes
}

// curl is what people try first.
func (s *site) curl(t *testing.T, path string) answer {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--max-time", fmt.Sprint(callLimit.Seconds()), "-w", "\n%{http_code}",
		"-H", "Authorization: Bearer "+testKey, "--data-binary", "@"+path, s.APIURL()+"/api/v1/links/bulk").Output()
	if err != nil {
		t.Fatalf("curl: %v", err)
	}
	end := bytes.LastIndexByte(out, '\n')
	var status int
	if _, err := fmt.Sscan(string(out[end+1:]), &status); err != nil {
		t.Fatal(err)
	}
	return newAnswer(t, status, out[:end])
}

// writeFirst sends all of the request before it reads any of the answer, as many clients do.
func (s *site) writeFirst(t *testing.T, path string) answer {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.APIURL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(callLimit)); err != nil {
		t.Fatal(err)
	}
	head := fmt.Sprintf("POST /api/v1/links/bulk HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\n"+
		"Connection: close\r\nContent-Length: %d\r\n\r\n", testKey, len(body))
	if _, err := conn.Write(append([]byte(head), body...)); err != nil {
		t.Fatalf("after the whole request was not taken: %v", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return newAnswer(t, resp.StatusCode, text)
}
