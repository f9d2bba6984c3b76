package rabbit

import (
	"context"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A socket limits every write. The library writes without a deadline, and a broker in alarm stops reading: without
// the limit one publish could hold its goroutine, and the library's locks, for as long as the alarm lasts.
type socket struct {
	net.Conn
	write time.Duration
}

// Write implements net.Conn.
func (s *socket) Write(b []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(s.write)); err != nil {
		return 0, err
	}
	return s.Conn.Write(b)
}

// SetDeadline leaves the write side alone, which is Write's own.
func (s *socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// dial connects to one host. The caller closes the socket when the rest of opening fails.
func (b *Broker) dial(ctx context.Context, url, role string) (*amqp.Connection, net.Conn, error) {
	var raw net.Conn
	watchdog := func() bool { return true }
	defer func() { watchdog() }()
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(b.opts.Name + " " + role)
	conn, err := amqp.DialConfig(url, amqp.Config{
		Heartbeat:  b.opts.Heartbeat,
		Properties: properties,
		Dial: func(network, addr string) (net.Conn, error) {
			d := net.Dialer{Timeout: b.opts.DialTimeout}
			c, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			raw = &socket{Conn: c, write: b.opts.WriteTimeout}
			watchdog = context.AfterFunc(ctx, func() { _ = c.Close() })
			// The library clears the deadline when the handshake is done; heartbeats set it from then on.
			return raw, raw.SetDeadline(time.Now().Add(b.opts.DialTimeout))
		},
	})
	if err != nil {
		if raw != nil {
			_ = raw.Close() // the library leaves it open; there is nothing left to lose on it
		}
		return nil, nil, err
	}
	return conn, raw, nil
}
