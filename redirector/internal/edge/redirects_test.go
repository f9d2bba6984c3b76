package edge

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// What open redirects have been made of elsewhere, besides all of the URL standard's cases.
var lures = []string{
	"//evil.example", "///evil.example", "////evil.example//", "/\\evil.example", "\\/\\/evil.example", "/\t/evil.example", "https:evil.example", "https:/evil.example",
	"https:///evil.example", "https://shop.example@evil.example", "https://shop.example.evil.example", "https://evil.example#shop.example", "https://evil.example?shop.example",
	"https://evil.example\\@shop.example", "http://[::1]", "javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "//evil%E3%80%82example",
	"//%65vil.example", "%2f%2fevil.example", "%5c%5cevil.example", "/%09/evil.example", "/.evil.example", "/..//evil.example", "@evil.example", ":80@evil.example", "&url=//evil.example",
	"#//evil.example", "%0d%0aLocation://evil.example", "%E5%98%8A%E5%98%8DLocation://evil.example", "\u2028//evil.example", "〱evil.example", "..;/evil.example",
}

// TestS2: whatever stands behind a code, in the query or in Host, leads to the link's target: byte for byte, or with nothing
// but the named parameter, encoded anew.
func TestS2(t *testing.T) {
	raw, err := os.ReadFile("../../../../shared/data/urltestdata.json") // all of them, where they are
	if err != nil {
		raw, err = os.ReadFile("../../../shared/link/testdata/urls.json")
	}
	if err != nil {
		t.Fatal(err)
	}
	var cases []json.RawMessage // comments are strings
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	payloads := lures
	for _, c := range cases {
		var one struct{ Input string }
		if json.Unmarshal(c, &one) == nil && one.Input != "" {
			payloads = append(payloads, one.Input)
		}
	}
	_, addr := port(t, newEdge(t, newLinks(), &pages{}), 0)
	asker := newSeeker(t, addr)
	asked, led := 0, 0
	for _, payload := range payloads {
		escaped, loose := url.QueryEscape(payload), lineSafe(payload)
		for _, request := range []struct{ path, host string }{
			{"/" + code + "/" + loose, "t.example"}, {"/" + code + loose, "t.example"}, {"/" + code + "/" + escaped, "t.example"}, {"/" + loose, "t.example"},
			{"/" + code + "?url=" + escaped + "&next=" + loose + "&to=" + escaped, "t.example"}, {"/" + code + "?" + loose, "t.example"},
			{"/forwarding?q=" + escaped, "t.example"}, {"/forwarding?q=" + loose, "t.example"}, {"/" + code, loose},
		} {
			location := asker.location(t, request.path, request.host)
			asked++
			if location == "" {
				continue
			}
			led++
			if location == target {
				continue
			}
			went, err := url.Parse(location)
			if err != nil || !strings.HasPrefix(location, "https://shop.example/a%2Fb?x=1&y=%20&q=") || went.Host != "shop.example" || went.User != nil || went.Fragment != "top" ||
				!strings.HasPrefix(request.path, "/forwarding?") || strings.ContainsAny(location, "\\<>\" \t") || strings.Count(location, "&") != 2 {
				t.Errorf("%q under %q leads to %q", request.path, request.host, location)
			}
		}
	}
	t.Logf("S2: %d payloads, %d requests, %d redirects, all of them to the link's target", len(payloads), asked, led)
	if led < asked/2 {
		t.Errorf("only %d of %d were redirected", led, asked)
	}
}

// lineSafe is the payload as far as a request line can hold it.
func lineSafe(payload string) string {
	return strings.NewReplacer(" ", "%20", "\t", "%09", "\n", "%0A", "\r", "%0D", "\x00", "%00", "#", "%23").Replace(payload)
}

// A seeker asks where requests lead, over as few connections as the server allows.
type seeker struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
}

func newSeeker(t *testing.T, addr string) *seeker {
	t.Helper()
	s := &seeker{addr: addr}
	t.Cleanup(func() {
		if s.conn != nil {
			s.conn.Close()
		}
	})
	return s
}

// location returns the one Location of the answer, "" for none.
func (s *seeker) location(t *testing.T, path, host string) string {
	t.Helper()
	if s.conn == nil {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		s.conn, s.in = conn, bufio.NewReader(conn)
	}
	if _, err := s.conn.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(s.in, nil)
	if err != nil {
		t.Fatalf("%q under %q: %v", path, host, err)
	}
	defer res.Body.Close()
	if res.Close || res.StatusCode == http.StatusBadRequest {
		s.conn.Close()
		s.conn = nil
	}
	all := res.Header.Values("Location")
	if len(all) > 1 {
		t.Errorf("%q: %d Locations", path, len(all))
	}
	return res.Header.Get("Location")
}
