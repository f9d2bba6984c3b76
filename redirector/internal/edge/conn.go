package edge

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// The patience of the public port. A click is one small request: a client that needs longer is not a person.
const (
	headPatience  = 10 * time.Second // from a request's first byte, or a connection's begin, to the end of its head
	idlePatience  = 75 * time.Second // between two requests: above the idle time of load balancers' connections
	writePatience = 20 * time.Second
	headMost      = 64 << 10 // a customer's domain gets the cookies of its parent
	headUsual     = 4 << 10
)

// A clickConn is a connection as long as all that comes over it is plain.
type clickConn struct {
	net.Conn
	edge    *Edge
	peer    string      // its address with its port
	ip      string      // what is kept of it
	closing func() bool // no further request is waited for
	usual   *[headUsual]byte
	in, out []byte    // what was read and is not answered, and the answer in hand
	head    int       // length of the request's head that in begins with
	patient time.Time // until when the head in hand is waited for
	request plainRequest
}

// errNotPlain: net/http has to take over, beginning with what is in the buffer.
var errNotPlain = errors.New("not a plain request")

// answer answers request after request until one is not plain, the client ends, or the port closes. errNotPlain leaves the
// connection open.
func (c *clickConn) answer(ctx context.Context) error {
	c.patient = time.Now().Add(headPatience)
	for {
		if err := c.next(); err != nil {
			return err
		}
		r := &c.request
		if !r.parse(string(c.in[:c.head])) {
			return errNotPlain
		}
		if r.IP = c.ip; r.forwarders > 0 {
			r.IP = c.edge.ip.Text(c.edge.proxies.Client(c.peer, r.forwarded[:r.forwarders]))
		}
		result := c.edge.safely(ctx, &r.Hit)
		c.in = c.in[:copy(c.in, c.in[c.head:])]
		last := r.last || r.old || c.closing()
		now := time.Now()
		c.out = appendAnswer(c.out[:0], &result, r.Method, last, now)
		_ = c.SetWriteDeadline(now.Add(writePatience))
		if _, err := c.Write(c.out); err != nil || last {
			return err
		}
		c.patient = now.Add(headPatience)
		if len(c.in) == 0 {
			c.patient, c.in = now.Add(idlePatience), c.usual[:0] // an idle connection holds no more than that
		}
	}
}

// next reads until the head of a request is in the buffer.
func (c *clickConn) next() error {
	for {
		if c.head = headEnd(c.in); c.head > 0 {
			return nil
		}
		if !mayBePlain(c.in) {
			return errNotPlain
		}
		if err := c.read(); err != nil {
			return err
		}
	}
}

// read reads what is there. A connection that has begun a request is waited for though the port closes.
func (c *clickConn) read() error {
	if len(c.in) == cap(c.in) {
		c.in = append(make([]byte, 0, 4*cap(c.in)), c.in...)
	}
	_ = c.SetReadDeadline(c.patient)
	if c.closing() && len(c.in) == 0 {
		return net.ErrClosed
	}
	n, err := c.Read(c.in[len(c.in):cap(c.in)])
	if n > 0 && len(c.in) == 0 {
		c.patient = time.Now().Add(headPatience)
	}
	c.in = c.in[:len(c.in)+n]
	switch {
	case n > 0:
		return nil
	case len(c.in) == 0:
		return err
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return errNotPlain // net/http tells what is wrong with half a request
	case time.Now().Before(c.patient):
		return nil // the port is closing, but this request has begun
	}
	return err
}

// headEnd returns the length of the head that b begins with, its empty line included, or 0 when it has no end yet.
func headEnd(b []byte) int {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4
	}
	return 0
}

// mayBePlain reports whether b can be the beginning of a plain request.
func mayBePlain(b []byte) bool {
	return len(b) < headMost && (begins(b, "GET /") || begins(b, "HEAD /")) && !bytes.Contains(b, []byte("\n\n"))
}

// begins reports whether b and prefix are the same as far as both reach.
func begins(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return string(b[:n]) == prefix[:n]
}
