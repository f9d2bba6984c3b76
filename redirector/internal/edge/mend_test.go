package edge

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestMend(t *testing.T) {
	const rest = " HTTP/1.1\r\nHost: a%\r\nX: %zz\r\n\r\n"
	tests := []struct{ in, want string }{
		{"GET /abc" + rest, "GET /abc" + rest},
		{"GET /abc%27" + rest, "GET /abc%27" + rest},
		{"GET /abc%" + rest, "GET /abc=" + rest},
		{"GET /abc%2" + rest, "GET /abc=2" + rest},
		{"GET /abc%zz%27%%" + rest, "GET /abc=zz%27==" + rest},
		{"GET /abc?q=%" + rest, "GET /abc?q=%" + rest},
		{"GET /a%" + rest + "GET /b%" + rest, "GET /a=" + rest + "GET /b=" + rest},
		{"GET /a%\n\nGET /b%\n\n", "GET /a=\n\nGET /b=\n\n"},
		{"POST /a% HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET /b%\r\n", "POST /a= HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET /b%\r\n"},
		{"POST /a HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\n\r\nGET /b%\r\n", "POST /a HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\n\r\nGET /b%\r\n"},
	}
	for _, test := range tests {
		got := []byte(test.in)
		(&mendingConn{}).mend(got)
		if string(got) != test.want {
			t.Errorf("%q\nbecame %q\nwant   %q", test.in, got, test.want)
		}
	}
}

// Whatever the pieces are in which bytes come, nothing but percent signs of paths is ever changed.
func TestMendPieces(t *testing.T) {
	const in = "GET /abc%27?x=%z HTTP/1.1\r\nHost: a%b\r\nX-Long-Header-Name-Of-All: %%%\r\n\r\nGET /%61%62/private HTTP/1.1\r\n\r\n"
	for range 2000 {
		c, got := mendingConn{}, []byte(in)
		for at := 0; at < len(got); {
			n := min(1+rand.IntN(9), len(got)-at)
			c.mend(got[at : at+n])
			at += n
		}
		if string(got) != in {
			t.Fatalf("became %q", got)
		}
	}
}

func FuzzMend(f *testing.F) {
	f.Add([]byte("GET /abc% HTTP/1.1\r\nA: b\r\n\r\nGET /%% HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got := bytes.Clone(in)
		(&mendingConn{}).mend(got)
		for i := range in {
			if got[i] != in[i] && (in[i] != '%' || got[i] != '=') {
				t.Errorf("%q became %q", in, got)
			}
		}
	})
}

// What mail software leaves of an escape does not keep anybody from being redirected.
func TestBrokenEscapes(t *testing.T) {
	p := &pages{}
	_, addr := port(t, newEdge(t, newLinks(), p), 0)
	for _, tail := range []string{"%", "%2", "%zz", "%%27", "/%", "/" + token + "%", "/" + token + "%2", "%u0027", "/private%"} {
		if got := raw(t, addr, get("/"+code+tail)); !strings.HasPrefix(got, "HTTP/1.1 302 ") {
			t.Errorf("%s answers\n%s", tail, got)
		}
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for range 3 { // on one connection
		if _, err := io.WriteString(conn, "GET /"+code+"/"+token+"% HTTP/1.1\r\nHost: t.example\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil || resp.StatusCode != 302 {
			t.Fatalf("kept alive: %v, %v", resp, err)
		}
		if p.last.Token != token || p.last.Flags == 0 {
			t.Errorf("recorded %+v", p.last)
		}
	}
}
