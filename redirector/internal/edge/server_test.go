package edge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"longtail/shared/click"
)

// port starts a server and returns its address.
func port(tb testing.TB, e *Edge, drain time.Duration) (*Server, string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := NewServer(e, drain)
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			tb.Error(err)
		}
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	return s, l.Addr().String()
}

// raw sends text over a socket of its own and returns all that comes back.
func raw(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("read the answer to %.80q: %v", text, err)
	}
	return string(answer)
}

func get(path string, headers ...string) string {
	lines := append([]string{"GET " + path + " HTTP/1.1", "Host: t.example", "Connection: close"}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func TestWire(t *testing.T) {
	p := &pages{}
	_, addr := port(t, newEdge(t, newLinks(), p), 0)
	answer := raw(t, addr, get("/"+code))
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	if body != "" {
		t.Errorf("the redirect has a body: %q", body)
	}
	for _, line := range []string{"HTTP/1.1 302 Found", "Location: " + target, "Cache-Control: private, no-store", "X-Robots-Tag: noindex", "Content-Length: 0"} {
		if !strings.Contains(head+"\r\n", line+"\r\n") {
			t.Errorf("no line %q in\n%s", line, head)
		}
	}
	if strings.Contains(head, "Content-Type") {
		t.Errorf("a type of no body:\n%s", head)
	}
	without := func(s string) string { // the Date line
		before, after, _ := strings.Cut(s, "Date: ")
		_, after, _ = strings.Cut(after, "\r\n")
		return before + after
	}
	if got := raw(t, addr, strings.Replace(get("/"+code), "GET", "HEAD", 1)); without(got) != without(answer) {
		t.Errorf("HEAD answers\n%s\nGET\n%s", got, answer)
	}
	for path, want := range map[string]string{
		"/robots.txt": "User-agent: *\nDisallow: /\n", "/unknown": notFound.Body, "/deleted": gone.Body, "/-/live": alive.Body,
	} {
		if got := raw(t, addr, get(path)); !strings.HasSuffix(got, "\r\n\r\n"+want) || !strings.Contains(got, "Content-Type: text/plain; charset=utf-8\r\n") {
			t.Errorf("%s answers\n%s", path, got)
		}
	}
	if got := raw(t, addr, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 405 ") {
		t.Errorf("OPTIONS * answers\n%s", got)
	}
	if got := raw(t, addr, strings.Replace(get("/"+code, "Content-Length: 0"), "GET", "DELETE", 1)); !strings.HasPrefix(got, "HTTP/1.1 405 ") || !strings.Contains(got, "Allow: GET, HEAD\r\n") {
		t.Errorf("DELETE answers\n%s", got)
	}
}

// TestS3: whatever is sent, an answer has at most one Location line, no header line of the sender's making, and no
// unescaped input in its body.
func TestS3(t *testing.T) {
	const mark = "lq7zmark"
	_, addr := port(t, newEdge(t, newLinks(), &pages{}), 0)
	inputs := []string{
		"%0d%0aSet-Cookie:" + mark, "%0D%0A%0D%0A<script>" + mark, "%E5%98%8A%E5%98%8DLocation:" + mark, "\tX:" + mark, "\x00" + mark, "\x0b" + mark,
		"//" + mark + ".example", "https://" + mark + ".example", "/\\" + mark, "?url=//" + mark, "#" + mark, "<img src=x onerror=" + mark + ">",
		"${jndi:ldap://" + mark + "}", "=HYPERLINK(" + mark + ")", "%s%n" + mark, "' or 1=1 --" + mark, "\xff\xfe" + mark, "\u202e" + mark, strings.Repeat("a", 3000) + mark,
	}
	var requests []string
	for _, in := range inputs {
		inPath := strings.ReplaceAll(in, " ", "%20")
		for _, path := range []string{"/", "/" + code + "/", "/" + code, "/forwarding?q=", "/" + code + "?", "/unknown-"} {
			requests = append(requests, get(path+inPath))
		}
		for _, header := range []string{"User-Agent: ", "Referer: ", "X-Forwarded-For: ", "X-Forwarded-Host: ", "Forwarded: host=", "X-Original-URL: /", "Purpose: "} {
			requests = append(requests, get("/"+code, header+in), get("/unknown", header+in))
		}
		requests = append(requests,
			strings.Replace(get("/"+code), "t.example", in, 1), strings.Replace(get("/unknown"), "t.example", in, 1),
			strings.Replace(get("/"+code), "HTTP/1.1", "HTTP/"+in, 1), strings.Replace(get("/"+code), "GET", "G"+in, 1))
	}
	// Odd forms of Host: absent, twice, with a port, upper case, dotted, an address, a name of somebody else.
	requests = append(requests, "GET /"+code+" HTTP/1.0\r\n\r\n", "GET /"+code+" HTTP/1.1\r\nConnection: close\r\n\r\n", get("/"+code, "Host: "+mark),
		"GET http://"+mark+".example/"+code+" HTTP/1.1\r\nHost: t.example\r\nConnection: close\r\n\r\n")
	for _, host := range []string{"", ":80", "T.EXAMPLE:8080", "t.example.", "127.0.0.1", "[::1]:80", mark + ".example", "a b", "t.example/x", "user@t.example", "%zz"} {
		requests = append(requests, strings.Replace(get("/"+code), "t.example", host, 1))
	}
	redirects := 0
	for _, request := range requests {
		head, body, _ := strings.Cut(raw(t, addr, request), "\r\n\r\n")
		if strings.HasPrefix(head, "HTTP/1.1 302") || strings.HasPrefix(head, "HTTP/1.0 302") {
			redirects++
		}
		locations := 0
		for line := range strings.SplitSeq(head, "\r\n") {
			name, value, _ := strings.Cut(line, ": ")
			switch {
			case name == "Location":
				locations++
				if !strings.HasPrefix(value, "https://shop.example/a%2Fb?x=1&y=%20") || strings.ContainsAny(value, "\x00\t <>\"") {
					t.Errorf("%.120q: Location %q", request, value)
				}
			case strings.Contains(line, mark):
				t.Errorf("%.120q: header line %q", request, line)
			}
		}
		if locations > 1 || strings.Contains(body, mark) {
			t.Errorf("%.120q: %d Locations, body %q", request, locations, body)
		}
	}
	if redirects < len(requests)/3 {
		t.Errorf("only %d of %d were redirected", redirects, len(requests))
	}
	t.Logf("%d requests, %d redirected", len(requests), redirects)
}

func TestHit(t *testing.T) {
	proxies := NewTrustedProxies([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	p := &pages{}
	e := New(Options{
		Resolver: newLinks(), Journal: p, Ready: func() bool { return true }, IP: IPTruncated, TrustedProxies: proxies,
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	_, addr := port(t, e, 0)
	raw(t, addr, get("/"+code+"/"+token+"%27?x=%zz", "User-Agent: \xff agent", "Referer: javascript:alert(1)", "X-Forwarded-For: 1.1.1.1",
		"X-Forwarded-For: 203.0.113.99, 127.0.0.9", "Sec-Purpose: prefetch;prerender"))
	want := click.Click{
		Link: 7, Campaign: 8, Account: 1, Domain: 3, Ordinal: 5, Method: click.GET, Flags: click.Tail | click.Prefetch, Token: token,
		IP: "203.0.113.0", UserAgent: "\xff agent", Referrer: "javascript:alert(1)",
	}
	if p.count != 1 || p.last != want {
		t.Errorf("recorded %d: %+v\nwant %+v", p.count, p.last, want)
	}
	for header, want := range map[string]click.Flags{
		"Purpose: prefetch": click.Prefetch, "X-Moz: Prefetch": click.Prefetch, "X-Purpose: preview": click.Prefetch,
		"Sec-Purpose: none": 0, "Sec-GPC: 1": 0, "DNT: 1": 0,
	} {
		raw(t, addr, get("/"+code, header))
		if p.last.Flags != want {
			t.Errorf("%s: flags %b, want %b", header, p.last.Flags, want)
		}
	}
	raw(t, addr, strings.Replace(get("/"+code+"/"+token), "GET /", "GET http://t.example/", 1))
	if p.last.Token != token {
		t.Errorf("absolute form: token %q", p.last.Token)
	}
}

// panics is a Journal with a bug.
type panics struct{}

func (panics) Append(*click.Click) error { panic("a bug") }

func TestPanic(t *testing.T) {
	var log strings.Builder
	reg := prometheus.NewRegistry()
	e := New(Options{
		Resolver: newLinks(), Journal: panics{}, Ready: func() bool { return true }, IP: IPFull,
		Log: slog.New(slog.NewTextHandler(&log, nil)), Registerer: reg,
	})
	_, addr := port(t, e, 0)
	if got := raw(t, addr, get("/"+code+"/"+token+"?q=secret", "User-Agent: agent")); !strings.HasPrefix(got, "HTTP/1.1 500 ") {
		t.Errorf("a panic answers\n%s", got)
	}
	if !strings.Contains(log.String(), "a bug") || strings.Contains(log.String(), "127.0.0.1") || strings.Contains(log.String(), "secret") || strings.Contains(log.String(), token) {
		t.Errorf("a panic logs\n%s", log.String())
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP longtail_redirects_total Answers on the public address, by what they were.
# TYPE longtail_redirects_total counter
longtail_redirects_total{result="error"} 1
longtail_redirects_total{result="fallback"} 0
longtail_redirects_total{result="gone"} 0
longtail_redirects_total{result="loop"} 0
longtail_redirects_total{result="method"} 0
longtail_redirects_total{result="not_found"} 0
longtail_redirects_total{result="redirect"} 0
longtail_redirects_total{result="service"} 0
longtail_redirects_total{result="unavailable"} 0
`), "longtail_redirects_total"); err != nil {
		t.Error(err)
	}
}

// A shutdown tells the load balancer first, answers what is still sent, and cuts nobody off.
func TestShutdown(t *testing.T) {
	const drain = 300 * time.Millisecond
	e := newEdge(t, newLinks(), &pages{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(e, drain)
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String()) // a load balancer's connection, kept alive
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	ask := func(path string) int {
		t.Helper()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: t.example\r\n\r\n", path)
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	if got := ask("/-/ready"); got != 200 {
		t.Fatalf("ready answers %d", got)
	}
	began := time.Now()
	stopped := make(chan error)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	for ask("/-/ready") != 503 {
	}
	if got := ask("/" + code); got != 302 {
		t.Errorf("a click while draining answers %d", got)
	}
	if got := ask("/-/live"); got != 200 {
		t.Errorf("live answers %d while draining", got)
	}
	if err := <-stopped; err != nil || time.Since(began) < drain {
		t.Errorf("stopped after %v: %v", time.Since(began), err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func BenchmarkAnswer(b *testing.B) {
	e := newEdge(b, newLinks(), &pages{})
	hit := Hit{Method: "GET", Path: "/" + code + "/" + token, Host: "t.example", IP: "192.0.2.7", UserAgent: "agent"}
	b.ReportAllocs()
	for b.Loop() {
		e.Answer(b.Context(), &hit)
	}
}

// discard is a ResponseWriter of no connection.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkHandler(b *testing.B) {
	h := newEdge(b, newLinks(), &pages{}).Handler()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(get("/"+code+"/"+token, "User-Agent: agent"))))
	if err != nil {
		b.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.7:1234"
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
