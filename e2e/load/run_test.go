package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// numbered are clicks on /i that must be sent on to https://example.com/i.
type numbered struct{}

func (numbered) AppendRequest(dst []byte, i int) []byte {
	return fmt.Appendf(dst, "GET /%d HTTP/1.1\r\nHost: example.com\r\n\r\n", i)
}
func (numbered) Location(i int) string { return fmt.Sprintf("https://example.com/%d", i) }

func run(t *testing.T, addr string, o Options, due []time.Duration) []Answer {
	t.Helper()
	o.Addr = addr
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	r := Start(t.Context(), o, due, numbered{})
	select {
	case <-r.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the load does not end")
	}
	if r.Progress() != len(due) {
		t.Errorf("progress %d of %d", r.Progress(), len(due))
	}
	return r.Answers()
}

func fates(answers []Answer) map[Fate]int {
	n := map[Fate]int{}
	for _, a := range answers {
		n[a.Fate]++
	}
	return n
}

func TestConnectionsAreReused(t *testing.T) {
	var clicks, opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clicks.Add(1)
		w.Header().Set("Location", "https://example.com"+r.URL.Path)
		w.WriteHeader(http.StatusFound)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	answers := run(t, s.Listener.Addr().String(), Options{Connections: 8}, make([]time.Duration, 2000))
	if n := fates(answers)[Answered]; n != 2000 || clicks.Load() != 2000 {
		t.Errorf("answered %d, seen %d, want 2000", n, clicks.Load())
	}
	if opened.Load() > 8 {
		t.Errorf("%d connections opened, want 8 at most", opened.Load())
	}
}

func TestOtherAnswersAreCounted(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/0":
			http.NotFound(w, r)
		case "/1":
			w.WriteHeader(http.StatusGatewayTimeout)
		case "/2":
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(http.StatusFound)
		default:
			w.Header().Set("Location", "https://example.com"+r.URL.Path)
			w.WriteHeader(http.StatusFound)
		}
	}))
	defer s.Close()
	answers := run(t, s.Listener.Addr().String(), Options{Connections: 1}, make([]time.Duration, 4))
	for i, want := range []Answer{{Fate: Other, Status: 404}, {Fate: Unknown, Status: 504}, {Fate: Astray, Status: 302}, {Fate: Answered, Status: 302}} {
		if answers[i].Fate != want.Fate || answers[i].Status != want.Status {
			t.Errorf("click %d: fate %d status %d, want %d %d", i, answers[i].Fate, answers[i].Status, want.Fate, want.Status)
		}
	}
}

// speak serves each connection by hand until handle returns false.
func speak(t *testing.T, handle func(conn net.Conn, r *http.Request) bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					req, err := http.ReadRequest(r)
					if err != nil || !handle(conn, req) {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

const head = "HTTP/1.1 302 Found\r\nLocation: https://example.com%s\r\nContent-Length: %d\r\n\r\n"

// A connection that ends without a whole answer leaves the click's fate open, and only that click's.
func TestCutAnswersAreUnknown(t *testing.T) {
	addr := speak(t, func(conn net.Conn, r *http.Request) bool {
		switch r.URL.Path {
		case "/1": // nothing at all
			return false
		case "/3": // a part of the head
			fmt.Fprint(conn, "HTTP/1.1 302 Fo")
			return false
		case "/5": // all but the last byte of the body
			fmt.Fprintf(conn, head+"bod", r.URL.Path, 4)
			return false
		case "/7": // a reset
			_ = conn.(*net.TCPConn).SetLinger(0)
			return false
		}
		fmt.Fprintf(conn, head, r.URL.Path, 0)
		return true
	})
	for i, a := range run(t, addr, Options{Connections: 1}, make([]time.Duration, 9)) {
		want := Answered
		if i%2 == 1 {
			want = Unknown
		}
		if a.Fate != want {
			t.Errorf("click %d: fate %d, want %d", i, a.Fate, want)
		}
	}
}

func TestSilenceIsUnknown(t *testing.T) {
	addr := speak(t, func(conn net.Conn, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/0") {
			fmt.Fprintf(conn, head, r.URL.Path, 0)
		}
		return true
	})
	answers := run(t, addr, Options{Connections: 1, Timeout: 100 * time.Millisecond}, make([]time.Duration, 2))
	if answers[0].Fate != Unknown || answers[1].Fate != Answered {
		t.Errorf("fates %d and %d, want unknown and answered", answers[0].Fate, answers[1].Fate)
	}
}

func TestNobodyListensIsNotSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	answers := run(t, l.Addr().String(), Options{Connections: 2}, make([]time.Duration, 5))
	if n := fates(answers)[NotSent]; n != 5 {
		t.Errorf("%d not sent, want 5", n)
	}
}

// A server that closes an idle connection costs no click its answer.
func TestIdleConnectionIsLookedAt(t *testing.T) {
	addr := speak(t, func(conn net.Conn, r *http.Request) bool {
		fmt.Fprintf(conn, head, r.URL.Path, 0)
		return false
	})
	due := []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond}
	if n := fates(run(t, addr, Options{Connections: 1}, due))[Answered]; n != len(due) {
		t.Errorf("%d answered, want %d", n, len(due))
	}
}

// A server that stands still for a while is in the latency of every click that was due meanwhile, not only of the one
// that it held.
func TestNoCoordinatedOmission(t *testing.T) {
	const still = 400 * time.Millisecond
	var first atomic.Bool
	addr := speak(t, func(conn net.Conn, r *http.Request) bool {
		if first.CompareAndSwap(false, true) {
			<-time.After(still)
		}
		fmt.Fprintf(conn, head, r.URL.Path, 0)
		return true
	})
	due := make([]time.Duration, 100)
	for i := range due {
		due[i] = time.Duration(i) * 2 * time.Millisecond
	}
	answers := run(t, addr, Options{Connections: 1}, due)
	for i, a := range answers[:50] {
		if least := still - due[i] - 20*time.Millisecond; a.Latency() < least {
			t.Errorf("click %d felt %v, want at least %v", i, a.Latency(), least)
		}
	}
	latency, service := Latencies(answers, Answer.Latency), Latencies(answers, Answer.Service)
	if latency.P50 < still/2 || service.P50 > still/4 || service.Max < still-20*time.Millisecond {
		t.Errorf("latency %+v, service %+v", latency, service)
	}
}

func TestClicksKeepTheirTimes(t *testing.T) {
	addr := speak(t, func(conn net.Conn, r *http.Request) bool {
		fmt.Fprintf(conn, head, r.URL.Path, 0)
		return true
	})
	due := make([]time.Duration, 200)
	for i := range due {
		due[i] = time.Duration(i) * time.Millisecond
	}
	for i, a := range run(t, addr, Options{Connections: 4}, due) {
		if a.Due != due[i] || a.Sent < a.Due || a.Done < a.Sent {
			t.Fatalf("click %d: due %v (want %v), sent %v, done %v", i, a.Due, due[i], a.Sent, a.Done)
		}
	}
}

func TestCancelLeavesTheRestUnsent(t *testing.T) {
	addr := speak(t, func(conn net.Conn, r *http.Request) bool {
		fmt.Fprintf(conn, head, r.URL.Path, 0)
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := Start(ctx, Options{Addr: addr, Connections: 2, Timeout: time.Second}, []time.Duration{0, 0, time.Hour}, numbered{})
	for deadline := time.Now().Add(10 * time.Second); r.Progress() < 2; {
		if time.Now().After(deadline) {
			t.Fatal("two clicks are not answered")
		}
		<-time.After(time.Millisecond)
	}
	cancel()
	if n := fates(r.Answers()); n[Answered] != 2 || n[NotSent] != 1 {
		t.Errorf("fates %v, want 2 answered and 1 not sent", n)
	}
}
