package tenants

import (
	"errors"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A zone is a DNS server with a few records. What it does not have does not exist.
type zone struct {
	Addr string // host:port

	mu    sync.Mutex
	texts map[string]string
	alias map[string]string
	asked int
}

func newZone(t *testing.T) *zone {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // lives as long as the test
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{Addr: conn.LocalAddr().String(), texts: map[string]string{}, alias: map[string]string{}}
	var serving sync.WaitGroup
	serving.Go(func() { z.serve(t, conn) })
	t.Cleanup(func() {
		conn.Close()
		serving.Wait()
	})
	return z
}

// text and cname add a record; names end with a dot.
func (z *zone) text(name, value string)   { z.add(z.texts, name, value) }
func (z *zone) cname(name, target string) { z.add(z.alias, name, target) }

func (z *zone) add(to map[string]string, name, value string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	to[name] = value
}

func (z *zone) serve(t *testing.T, conn net.PacketConn) {
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

func (z *zone) answer(m dnsmessage.Message) *dnsmessage.Message {
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
