package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// echo serves lines: each comes back as it was sent, until the client has ended.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with its connection
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return l.Addr().String()
}

// proxy to an echo, whose end must leave no goroutine.
func proxy(t *testing.T) *Proxy {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	p, err := Listen(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if n := p.Open(); n != 0 {
			t.Errorf("%d connections after Close", n)
		}
	})
	return p
}

// A caller speaks to the echo through the proxy.
type caller struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func call(t *testing.T, p *Proxy) *caller {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr()) //nolint:noctx // a test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &caller{t, conn, bufio.NewReader(conn)}
}

func (c *caller) say(line string) {
	c.t.Helper()
	if _, err := c.Write([]byte(line + "\n")); err != nil {
		c.t.Fatal(err)
	}
}

// hear waits for a line.
func (c *caller) hear(limit time.Duration) (string, error) {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		c.t.Fatal(err)
	}
	line, err := c.in.ReadString('\n')
	return line[:max(0, len(line)-1)], err
}

func (c *caller) want(line string) {
	c.t.Helper()
	if got, err := c.hear(10 * time.Second); got != line || err != nil {
		c.t.Fatalf("heard %q, %v; want %q", got, err, line)
	}
}

// wantRefused wants a reset, be it seen in connecting or after.
func wantRefused(t *testing.T, p *Proxy) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr()) //nolint:noctx // a test's own
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
		_ = conn.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("%v; want a reset", err)
	}
}

func (c *caller) wantReset() {
	c.t.Helper()
	if got, err := c.hear(10 * time.Second); !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("heard %q, %v; want a reset", got, err)
	}
}

// silent waits a moment in which nothing may be heard.
func (c *caller) silent() {
	c.t.Helper()
	if got, err := c.hear(150 * time.Millisecond); err == nil {
		c.t.Fatalf("heard %q; want nothing", got)
	}
}

func TestForwardsAndCounts(t *testing.T) {
	p := proxy(t)
	c := call(t, p)
	text := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16) // 1 MB, more than all buffers of one connection
	go func() {
		_, _ = c.Write(text)
		_ = c.Conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(c.in)
	if err != nil || !bytes.Equal(got, text) {
		t.Fatalf("%d bytes of %d came back, %v", len(got), len(text), err)
	}
	if p.Accepted() != 1 || p.Cuts() != 0 || p.Bytes(Up) != int64(len(text)) || p.Bytes(Both) != 2*int64(len(text)) {
		t.Errorf("accepted %d, cut %d, bytes %d and %d", p.Accepted(), p.Cuts(), p.Bytes(Up), p.Bytes(Both))
	}
}

func TestDelayKeepsTheRate(t *testing.T) {
	p := proxy(t)
	c := call(t, p)
	const each, lines = 100 * time.Millisecond, 20
	p.Delay(Both, each)
	begin := time.Now()
	for i := range lines { // on their way together, not one after the other
		c.say(fmt.Sprint(i))
	}
	for i := range lines {
		c.want(fmt.Sprint(i))
	}
	if took := time.Since(begin); took < 2*each || took > lines*each {
		t.Errorf("%d lines took %v; want %v and a little", lines, took, 2*each)
	}
}

func TestThrottle(t *testing.T) {
	p := proxy(t)
	c := call(t, p)
	p.Throttle(Down, 2000)
	begin := time.Now()
	line := string(bytes.Repeat([]byte("x"), 599))
	c.say(line)
	c.want(line)
	if took := time.Since(begin); took < 250*time.Millisecond {
		t.Errorf("600 bytes at 2000 a second took %v", took)
	}
}

func TestStalledBytesComeLater(t *testing.T) {
	p := proxy(t)
	c := call(t, p)
	c.say("one")
	c.want("one")
	p.Stall(Both)
	c.say("two")
	late := call(t, p) // accepted, not answered
	late.say("three")
	c.silent()
	late.silent()
	p.Heal()
	c.want("two")
	late.want("three")
	if p.Cuts() != 0 {
		t.Errorf("%d cut; want none", p.Cuts())
	}
}

func TestHalfOpen(t *testing.T) {
	p := proxy(t)
	c, other := call(t, p), call(t, p)
	c.say("one")
	c.want("one")
	p.Lose(Up)
	c.say("two")
	c.silent()
	p.Heal()
	c.wantReset() // it would be missing a line
	other.say("three")
	other.want("three")
	if p.Cuts() != 1 {
		t.Errorf("%d cut; want the one that lost bytes", p.Cuts())
	}
}

func TestCutAndRefuse(t *testing.T) {
	p := proxy(t)
	c, d := call(t, p), call(t, p)
	for _, one := range []*caller{c, d} {
		one.say("one")
		one.want("one")
	}
	if n := p.Cut(); n != 2 {
		t.Errorf("%d were cut; want 2", n)
	}
	c.wantReset()
	d.wantReset()
	next := call(t, p)
	next.say("two")
	next.want("two")
	p.Refuse()
	wantRefused(t, p)
	next.say("three") // what is there stays
	next.want("three")
	if p.Heal(); p.Cuts() != 3 || p.Accepted() != 4 {
		t.Errorf("cut %d of %d; want 3 of 4", p.Cuts(), p.Accepted())
	}
}

func TestTargetAway(t *testing.T) {
	p, err := Listen("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	wantRefused(t, p)
}

func TestAHookChoosesTheMoment(t *testing.T) {
	p := proxy(t)
	var seen bytes.Buffer
	p.Watch(func(c *Conn) Hook {
		if c.Number != 1 {
			return nil
		}
		return func(way Direction, piece []byte) Fate {
			if seen.Write(piece); way == Down && bytes.Contains(piece, []byte("commit")) {
				return CutBefore
			}
			return Forward
		}
	})
	c := call(t, p)
	c.say("begin")
	c.want("begin")
	c.say("commit")
	c.wantReset()
	free := call(t, p)
	free.say("commit")
	free.want("commit")
	if got := seen.String(); got != "begin\nbegin\ncommit\ncommit\n" {
		t.Errorf("the hook saw %q", got)
	}
}
