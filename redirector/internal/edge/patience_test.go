package edge

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// counting counts how often the timers of a connection are moved.
type counting struct {
	net.Conn
	moves int
}

func (c *counting) SetReadDeadline(t time.Time) error {
	c.moves++
	return c.Conn.SetReadDeadline(t)
}

func patient(t *testing.T) (*patientConn, *counting, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = errors.Join(ours.Close(), theirs.Close()) })
	c := &counting{Conn: ours}
	return &patientConn{Conn: c}, c, theirs
}

// note notes a read deadline that lies d ahead.
func note(t *testing.T, c net.Conn, d time.Duration) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

func TestADeadlineHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := patient(t)
		for _, noted := range [][]time.Duration{{3}, {1, 3}, {9, 3}, {1, 9, 3}, {1, 1, 2, 3}} {
			start := time.Now()
			for _, d := range noted {
				note(t, c, d*time.Second)
			}
			_, err := c.Read(make([]byte, 8))
			if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != 3*time.Second {
				t.Errorf("%v: %v after %v, want it after 3 s", noted, err, took)
			}
		}
	})
}

// What net/http does for each request moves no timer, and the wait between two requests is not cut short by the
// deadlines of the first.
func TestDeadlinesAreOnlyNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, moved, peer := patient(t)
		go func() {
			for range 100 {
				time.Sleep(10 * time.Millisecond)
				_, _ = peer.Write([]byte("GET"))
			}
			time.Sleep(time.Minute)
			_, _ = peer.Write([]byte("GET"))
		}()
		note(t, c, 10*time.Second)
		b := make([]byte, 8)
		for i := range 101 {
			if n, err := c.Read(b); n != 3 || err != nil {
				t.Fatalf("read %d: %d bytes, %v", i, n, err)
			}
			note(t, c, 15*time.Second)
			_ = c.SetReadDeadline(time.Time{})
			note(t, c, 75*time.Second)
			if i == 99 && moved.moves > 1 {
				t.Errorf("100 requests moved the timer %d times", moved.moves)
			}
		}
	})
}

// A deadline in the past ends a read that waits already, whatever was noted before it, and can be taken back.
func TestAPastDeadlineEndsARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, before := range []time.Duration{0, time.Second, time.Hour} {
			c, _, peer := patient(t)
			if before > 0 {
				note(t, c, before)
				_ = c.SetReadDeadline(time.Time{})
			}
			ended := make(chan error)
			go func() {
				_, err := c.Read(make([]byte, 1))
				ended <- err
			}()
			time.Sleep(2 * time.Second) // beyond the first deadline that was taken back
			_ = c.SetReadDeadline(time.Unix(1, 0))
			if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("after %v: %v", before, err)
			}
			_ = c.SetReadDeadline(time.Time{})
			go func() { _, _ = peer.Write([]byte("x")) }()
			if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Errorf("afterwards: %d bytes, %v", n, err)
			}
		}
	})
}

// A write that is cut in the middle by a deadline that was put off goes on where it was.
func TestAWriteGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, peer := patient(t)
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
		got := make(chan string)
		go func() {
			b := make([]byte, 4)
			_, _ = io.ReadFull(peer, b[:2])
			time.Sleep(5 * time.Second)
			_, _ = io.ReadFull(peer, b[2:])
			got <- string(b)
		}()
		if n, err := c.Write([]byte("abcd")); n != 4 || err != nil {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
		if text := <-got; text != "abcd" {
			t.Errorf("%q came", text)
		}
	})
}
