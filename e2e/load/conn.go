package load

import (
	"bufio"
	"context"
	"net"
	"syscall"
	"time"
)

// Limits of one connection.
const (
	dialLimit = 5 * time.Second
	readSize  = 16 << 10
)

// conn is one keep-alive connection, used by one goroutine. It is opened when first needed, and again after the server
// closed it.
type conn struct {
	addr    string
	timeout time.Duration
	start   time.Time

	c        net.Conn
	r        *bufio.Reader
	w        []byte
	location []byte
}

// click sends one request and reads its answer.
func (c *conn) click(ctx context.Context, i int, due time.Duration, clicks Clicks) Answer {
	a := Answer{Due: due}
	if err := c.open(ctx); err != nil {
		return a
	}
	c.w = clicks.AppendRequest(c.w[:0], i)
	a.Sent = time.Since(c.start)
	a.Fate = Unknown
	_ = c.c.SetDeadline(time.Now().Add(c.timeout))
	_, err := c.c.Write(c.w)
	var res response
	if err == nil {
		res, err = readResponse(c.r, c.location)
	}
	a.Done = time.Since(c.start)
	if err != nil {
		c.close()
		return a
	}
	if res.location != nil {
		c.location = res.location
	}
	a.Status, a.Fate = uint16(res.status), judge(res, clicks.Location(i)) //nolint:gosec // three digits
	if !res.keep || c.r.Buffered() > 0 {
		c.close()
	}
	return a
}

// judge tells a whole answer's fate. 502 and 504 come from a proxy that knows no more than we do.
func judge(res response, location string) Fate {
	switch {
	case res.status == 502 || res.status == 504:
		return Unknown
	case res.status != 302:
		return Other
	case location != "" && string(res.location) != location:
		return Astray
	default:
		return Answered
	}
}

// open makes sure that there is a connection which the server, as far as it can be known, has not closed: a click sent
// into one that is closed would have an unknown fate without need.
func (c *conn) open(ctx context.Context) error {
	if c.c != nil && closed(c.c) {
		c.close()
	}
	if c.c != nil {
		return nil
	}
	dial := net.Dialer{Timeout: dialLimit}
	next, err := dial.DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	c.c = next
	if c.r == nil {
		c.r = bufio.NewReaderSize(next, readSize)
	}
	c.r.Reset(next)
	return nil
}

func (c *conn) close() {
	if c.c != nil {
		_ = c.c.Close()
		c.c = nil
	}
}

// closed looks whether an idle connection was closed by the server, or holds bytes that nobody asked for.
func closed(c net.Conn) bool {
	sys, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return true
	}
	_ = c.SetDeadline(time.Time{}) // that of the last request may be over
	gone := false
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = err != syscall.EAGAIN
		return true
	})
	return gone || err != nil
}
