// Package zone is DNS for those who prove their domains. It stands beside the click's way: no click waits for a name.
package zone

import (
	"errors"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A Zone is a DNS server with a few records. What it does not have does not exist.
type Zone struct {
	Addr string // host:port

	mu    sync.Mutex
	texts map[string]string
	alias map[string]string
	asked int
}

// New starts one on a UDP address, host:port, until the test ends.
func New(t *testing.T, addr string) *Zone {
	t.Helper()
	conn, err := net.ListenPacket("udp", addr) //nolint:noctx // lives as long as the test
	if err != nil {
		t.Fatal(err)
	}
	z := &Zone{Addr: conn.LocalAddr().String(), texts: map[string]string{}, alias: map[string]string{}}
	var serving sync.WaitGroup
	serving.Go(func() { z.serve(t, conn) })
	t.Cleanup(func() {
		conn.Close()
		serving.Wait()
	})
	return z
}

// Text adds a record that says value; the name ends with a dot.
func (z *Zone) Text(name, value string) { z.add(z.texts, name, value) }

// Alias adds a record that leads to another name; both end with a dot.
func (z *Zone) Alias(name, target string) { z.add(z.alias, name, target) }

// Asked is how many questions came.
func (z *Zone) Asked() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.asked
}

func (z *Zone) add(to map[string]string, name, value string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	to[name] = value
}

func (z *Zone) serve(t *testing.T, conn net.PacketConn) {
	t.Helper()
	buffer := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		var question dnsmessage.Message
		if err != nil || question.Unpack(buffer[:n]) != nil || len(question.Questions) != 1 {
			t.Errorf("no question: %v", err)
			continue
		}
		answer, err := z.answer(question).Pack()
		if err == nil {
			_, err = conn.WriteTo(answer, from)
		}
		if err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
}

func (z *Zone) answer(m dnsmessage.Message) *dnsmessage.Message {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked++
	q := m.Questions[0]
	header := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1}
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	value, isText := z.texts[q.Name.String()]
	target, isAlias := z.alias[q.Name.String()]
	switch {
	case isText && q.Type == dnsmessage.TypeTXT:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.TXTResource{TXT: []string{value}}}}
	case isAlias:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target)}}}
	case !isText:
		m.RCode = dnsmessage.RCodeNameError
	}
	return &m
}
