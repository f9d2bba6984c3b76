package faults

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"longtail/e2e/oracle"
	"longtail/e2e/stage"
)

// At once as many people as there are connections ask every instance for one link that is in no memory and not in Redis,
// and the database keeps them waiting until all of them have asked.
func TestC1OneColdCode(t *testing.T) {
	f := stage.NewFault(t, "C1")
	h := newHerd(t, stage.Full(8, 4), nil)
	links := h.links(t, t.Name(), stage.Full(10, 3))
	statements := recording(t, h.Cluster)
	mostLookups, mostGets := 0, 0
	people := gather(t, h, stage.Full(10_000, 2_000))
	for _, l := range links {
		h.flush(t)
		gets, scripts := h.commands(t, "get"), h.commands(t, "evalsha")
		fromMemory := h.fromMemory(t)
		wrong := people.stampede(t, h, l)
		waited := len(people.conns) - (h.fromMemory(t) - fromMemory)
		f.StruckN("clicks that found the code in no memory", waited)
		// Each script that stores a value reads the key once more.
		scripts = h.commands(t, "evalsha") - scripts
		gets = h.commands(t, "get") - gets - scripts
		lookups := statements.lookups(t, l.Code)
		if wrong > 0 || lookups > len(h.all) || gets > len(h.all) {
			t.Errorf("%d people: %d wrong answers, %d lookups in MySQL and %d in Redis; want 0 and at most %d of each",
				len(people.conns), wrong, lookups, gets, len(h.all))
		}
		mostLookups, mostGets = max(mostLookups, lookups), max(mostGets, gets)
	}
	f.Note("%d codes, for each %d clicks at once on %d instances: at most %d lookups of a code in MySQL, %d in Redis",
		len(links), len(people.conns), len(h.all), mostLookups, mostGets)
}

// A crowd is open connections that each wait with a click.
type crowd struct {
	conns   []net.Conn
	readers []*bufio.Reader
}

// gather opens n connections to the instances, in turn.
func gather(t *testing.T, h *herd, n int) *crowd {
	t.Helper()
	c := &crowd{make([]net.Conn, n), make([]*bufio.Reader, n)}
	spread(n, func(i int) {
		conn, err := net.DialTimeout("tcp", loopback(h.all[i%len(h.all)].Public), 10*time.Second)
		if err != nil {
			t.Error(err)
			return
		}
		c.conns[i], c.readers[i] = conn, bufio.NewReaderSize(conn, 1024)
	})
	t.Cleanup(func() {
		for _, conn := range c.conns {
			if conn != nil {
				conn.Close()
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return c
}

// stampede lets all click while the table of links is locked, unlocks it, and returns how many were not redirected to the
// link's target.
func (c *crowd) stampede(t *testing.T, h *herd, l oracle.Link) int {
	t.Helper()
	unlock := lockLinks(t, h)
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: links.test\r\n\r\n", l.Path)
	began := time.Now()
	spread(len(c.conns), func(i int) {
		_ = c.conns[i].SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.conns[i].Write(request); err != nil {
			t.Error(err)
		}
	})
	stage.Pass(t, max(0, time.Second-time.Since(began))) // a load waits for 2 s at most
	unlock()
	var wrong atomic.Int64
	spread(len(c.conns), func(i int) {
		resp, err := http.ReadResponse(c.readers[i], nil)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != l.URL {
			wrong.Add(1)
		}
	})
	return int(wrong.Load())
}

// lockLinks lets everybody who reads or writes links wait until unlock.
func lockLinks(t *testing.T, h *herd) (unlock func()) {
	t.Helper()
	conn, err := database(t, h.Cluster).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "LOCK TABLES links WRITE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	}
}

// spread calls do for 0 to n-1 on a few goroutines and returns when all is done.
func spread(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}
