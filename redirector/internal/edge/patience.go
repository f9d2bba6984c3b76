package edge

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// net/http sets eight deadlines for each request, and each moves a timer of the runtime's. Here they are only noted: the
// connection's own timer stays where it is as long as it fires early enough, and when it does, what was noted last decides
// whether that is the end or a new wait.

// patientListener gives connections with noted deadlines.
type patientListener struct{ net.Listener }

// Accept waits for the next connection.
func (l patientListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &patientConn{Conn: conn}, nil
}

// patientConn keeps its deadlines as any connection does; its methods may be called from any goroutine.
type patientConn struct {
	net.Conn
	read, write deadline
}

// A deadline is what was noted last, and what the connection's timer is set to; zero = none.
type deadline struct {
	mu         sync.Mutex
	noted, set time.Time
}

// note notes a deadline, and sets the timer when it would fire too late.
func (d *deadline) note(t time.Time, set func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noted = t
	if t.IsZero() || !d.set.IsZero() && !d.set.After(t) {
		return nil
	}
	d.set = t
	return set(t)
}

// early tells whether err is the end of a wait that was to last longer, and lets it go on.
func (d *deadline) early(err error, set func(time.Time) error) bool {
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.noted.IsZero() && !time.Now().Before(d.noted) {
		return false
	}
	d.set = d.noted
	return set(d.set) == nil
}

// Read reads as the connection does.
func (c *patientConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if n > 0 || !c.read.early(err, c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write writes as the connection does.
func (c *patientConn) Write(b []byte) (n int, err error) {
	for {
		m, err := c.Conn.Write(b[n:])
		n += m
		if !c.write.early(err, c.Conn.SetWriteDeadline) {
			return n, err
		}
	}
}

// SetReadDeadline notes when a read is to end.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	return c.read.note(t, c.Conn.SetReadDeadline)
}

// SetWriteDeadline notes when a write is to end.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	return c.write.note(t, c.Conn.SetWriteDeadline)
}

// SetDeadline notes both.
func (c *patientConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
