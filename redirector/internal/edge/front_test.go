package edge

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var testTime = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

// dial opens a connection that is kept alive.
func dial(t *testing.T, addr string) (net.Conn, func(method string) *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	answers := bufio.NewReader(conn)
	return conn, func(method string) *http.Response {
		t.Helper()
		resp, err := http.ReadResponse(answers, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp
	}
}

// One connection, requests of every kind in a row, in pieces of every size: each gets its own answer.
func TestOneConnection(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	p := &pages{}
	_, addr := port(t, newEdge(t, newLinks(), p), 0)
	for round := range 20 {
		conn, answer := dial(t, addr)
		var text strings.Builder
		var want []int
		clicks := p.count
		for i := range 30 {
			switch n := random.IntN(20); {
			case n < 12:
				fmt.Fprintf(&text, "GET /%s/%d HTTP/1.1\r\nHost: t.example\r\nCookie: %s\r\n\r\n", code, i, strings.Repeat("c", random.IntN(9000)))
				want = append(want, 302)
				clicks++
			case n < 18:
				text.WriteString("GET /unknown HTTP/1.1\r\nHost: t.example\r\n\r\n")
				want = append(want, 404)
			case round%2 == 0: // from here on net/http has it
				text.WriteString("DELETE /x HTTP/1.1\r\nHost: t.example\r\nContent-Length: 2\r\n\r\nhi")
				want = append(want, 405)
			}
		}
		go func() {
			for rest := text.String(); rest != ""; {
				n := min(len(rest), 1+random.IntN(5000))
				if _, err := io.WriteString(conn, rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		for i, status := range want {
			if got := answer("GET").StatusCode; got != status {
				t.Fatalf("round %d, request %d: %d, want %d", round, i, got, status)
			}
		}
		if p.count != clicks {
			t.Fatalf("round %d: %d clicks recorded, want %d", round, p.count, clicks)
		}
	}
}

// A head that grows without end is net/http's to refuse.
func TestEndlessHead(t *testing.T) {
	_, addr := port(t, newEdge(t, newLinks(), &pages{}), 0)
	conn, answer := dial(t, addr)
	go func() {
		_, _ = io.WriteString(conn, "GET /"+code+" HTTP/1.1\r\nHost: t.example\r\nCookie: "+strings.Repeat("c", 80<<10))
	}()
	if got := answer("GET").StatusCode; got != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", got)
	}
}

// accepts is a listener of connections that a test makes.
type accepts struct{ conns chan net.Conn }

func (l accepts) Accept() (net.Conn, error) {
	conn, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (l accepts) Close() error   { close(l.conns); return nil }
func (l accepts) Addr() net.Addr { return &net.TCPAddr{} }

// Half a request is waited for ten seconds, the next one 75, and a closing port waits for what has begun.
func TestPatienceOfTheFront(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := accepts{make(chan net.Conn)}
		f := newFront(l, newEdge(t, newLinks(), &pages{}))
		open := func(text string) (net.Conn, *bufio.Reader) {
			theirs, ours := net.Pipe()
			l.conns <- ours
			_, _ = io.WriteString(theirs, text)
			return theirs, bufio.NewReader(theirs)
		}
		ended := func(r io.Reader, want time.Duration, what string) {
			t.Helper()
			start := time.Now()
			if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(start) != want {
				t.Errorf("%s: %v after %v", what, err, time.Since(start))
			}
		}
		const request = "GET /" + code + " HTTP/1.1\r\nHost: t.example\r\n\r\n"
		_, silent := open("")
		ended(silent, headPatience, "a silent connection")
		_, half := open(request[:20])
		ended(half, headPatience, "half a request")
		_, idle := open(request)
		if resp, err := http.ReadResponse(idle, nil); err != nil || resp.StatusCode != 302 {
			t.Fatalf("%v %v", resp, err)
		}
		ended(idle, idlePatience, "an idle connection")

		waiting, begun := open(request[:20])
		_, unused := open("")
		stopped := make(chan error)
		go func() { stopped <- f.shutdown(t.Context()) }()
		ended(unused, 0, "an unused connection of a closing port")
		time.Sleep(5 * time.Second) // of the test's own clock
		_, _ = io.WriteString(waiting, request[20:])
		if resp, err := http.ReadResponse(begun, nil); err != nil || resp.StatusCode != 302 || !resp.Close {
			t.Errorf("begun before the port closed: %v %v", resp, err)
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// A shutdown that may not wait cuts off what is left.
func TestShutdownCutsOff(t *testing.T) {
	s, addr := port(t, newEdge(t, newLinks(), &pages{}), 0)
	conn, answer := dial(t, addr)
	if _, err := io.WriteString(conn, "GET /"+code+" HTTP/1.1\r\nHost: t.example\r\n\r\nGET /half"); err != nil { // comes in one piece
		t.Fatal(err)
	}
	if got := answer("GET").StatusCode; got != 302 {
		t.Fatal(got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is still there: %v", err)
	}
}
