package edge

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// behindProxy is an edge that believes everybody's X-Forwarded-For.
func behindProxy(tb testing.TB, p *pages) *Edge {
	tb.Helper()
	return New(Options{
		Resolver: newLinks(), Journal: p, Ready: func() bool { return true }, IP: IPFull, Log: slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(), TrustedProxies: NewTrustedProxies([]netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}),
	})
}

var oddHeads = []string{
	"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
	"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: +0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET",
	"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X-Forwarded-For: 192.0.2.1\r\n", maxHopLines+1) + "\r\n", "", "\r\n", "GET / HTTP/1.1\r\n",
}

var plainHeads = []string{
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /a/b?c=d HTTP/1.1\r\nHOST:a.example:80\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
	"GET //a.example/x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /a#b?c#d HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\xc3\xa4?\xff HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /%zz%27% HTTP/1.1\r\nHost: a\r\n\r\n", "GET /? HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a?%zz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nuser-agent: \t x \xff y\t\r\nUser-Agent: second\r\nReferer:\r\nReferer: b\r\nConnection: Close\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nX-Moz: prefetch\r\nPurpose: no\r\nSec-Purpose: prefetch;prerender\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1, 198.51.100.2\r\nx-forwarded-for: 203.0.113.9\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization-Of-Somebody-Long: x\r\n\r\n",
}

func TestPlain(t *testing.T) {
	var r plainRequest
	for _, head := range plainHeads {
		if !r.parse(head) {
			t.Errorf("not plain: %q", head)
		}
	}
	for _, head := range oddHeads {
		if r.parse(head) {
			t.Errorf("plain: %q", head)
		}
	}
}

// FuzzPlain: what is taken for plain, net/http reads as the same request.
func FuzzPlain(f *testing.F) {
	for _, head := range append(plainHeads, oddHeads...) {
		f.Add(head)
	}
	e := behindProxy(f, &pages{})
	f.Fuzz(func(t *testing.T, head string) {
		var r plainRequest
		if !r.parse(head) {
			return
		}
		start, target, _ := strings.Cut(head, " ")
		target, end, _ := strings.Cut(target, " ")
		_, query, asked := strings.Cut(target, "?")
		if target = r.Path; asked {
			target += "?" + query
		}
		rest := strings.NewReader(start + " " + target + " " + end)
		buffered := bufio.NewReader(rest)
		want, err := http.ReadRequest(buffered)
		if err != nil {
			t.Fatalf("%q: net/http: %v", head, err)
		}
		if rest.Len() != 0 || buffered.Buffered() != 0 || want.ContentLength != 0 || want.TransferEncoding != nil || (r.last || r.old) != want.Close {
			t.Errorf("%q: net/http sees a body, or more requests, or another end: %+v", head, want)
		}
		want.RemoteAddr = "192.0.2.77:99"
		r.IP = e.ip.Text(e.proxies.Client(want.RemoteAddr, r.forwarded[:r.forwarders]))
		if hit := e.hit(want); hit != r.Hit {
			t.Errorf("%q:\nread as  %+v\nnet/http %+v", head, r.Hit, hit)
		}
	})
}

// FuzzMendEscapes: nothing but percent signs is ever changed, and what comes of it has none that begins no escape.
func FuzzMendEscapes(f *testing.F) {
	for _, path := range []string{"/abc", "/abc%27", "/abc%", "/abc%2", "/abc%zz%27%%", "/%"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := mendEscapes(path)
		for i := range len(path) {
			if got[i] != path[i] && (path[i] != '%' || got[i] != '=') {
				t.Errorf("%q became %q", path, got)
			}
			if _, ok := unescape(got[i:]); !ok && got[i] == '%' {
				t.Errorf("%q became %q", path, got)
			}
		}
	})
}

// TestSameAnswers: over the wire, the front and net/http answer alike, but for the order of lines and the time.
func TestSameAnswers(t *testing.T) {
	p := &pages{}
	_, addr := port(t, behindProxy(t, p), 0)
	lines := func(answer string) map[string]bool {
		head, body, _ := strings.Cut(answer, "\r\n\r\n")
		set := map[string]bool{"body " + body: true}
		for line := range strings.SplitSeq(head, "\r\n") {
			if !strings.HasPrefix(line, "Date: ") {
				set[line] = true
			}
		}
		return set
	}
	for _, path := range []string{"/" + code, "/" + code + "/" + token + "%27", "/unknown", "/deleted", "/forwarding?q=a%20b&x", "/robots.txt", "/-/ready", "/"} {
		for _, method := range []string{"GET", "HEAD"} {
			request := strings.Replace(get(path), "GET", method, 1)
			odd := strings.Replace(request, "Connection: close", "Connection: close\r\nConnection: close, x", 1) // nothing but a reason to hand it over
			before := p.count
			got, want := lines(raw(t, addr, request)), lines(raw(t, addr, odd))
			if len(got) != len(want) || (p.count-before)%2 != 0 {
				t.Errorf("%s %s: front\n%v\nnet/http\n%v", method, path, got, want)
			}
			for line := range want {
				if !got[line] {
					t.Errorf("%s %s: the front does not say %q", method, path, line)
				}
			}
		}
	}
}

// What mail software leaves of an escape does not keep anybody from being redirected.
func TestBrokenEscapes(t *testing.T) {
	p := &pages{}
	_, addr := port(t, newEdge(t, newLinks(), p), 0)
	for _, tail := range []string{"%", "%2", "%zz", "%%27", "/%", "/" + token + "%", "/" + token + "%2", "%u0027", "/private%"} {
		for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
			if got := raw(t, addr, strings.Replace(get("/"+code+tail), "HTTP/1.1", version, 1)); !strings.HasPrefix(got, "HTTP/1.1 302 ") {
				t.Errorf("%s %s answers\n%s", tail, version, got)
			}
		}
	}
	raw(t, addr, get("/"+code+"/"+token+"%"))
	if p.last.Token != token || p.last.Flags == 0 {
		t.Errorf("recorded %+v", p.last)
	}
}

// TestHeaderInjection: a value cannot end its line.
func TestHeaderInjection(t *testing.T) {
	got := appendAnswer(nil, &Result{Status: 302, Location: "https://a.example/\r\nSet-Cookie: x\n\n"}, "GET", false, testTime)
	if n := bytes.Count(got, []byte("\n")); n != bytes.Count(got, []byte("\r\n")) || n != 7 {
		t.Errorf("%d lines:\n%s", n, got)
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(got)), nil)
	if err != nil || resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Date") != "Wed, 25 Nov 2026 00:00:00 GMT" {
		t.Errorf("%v %v", resp, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
}
