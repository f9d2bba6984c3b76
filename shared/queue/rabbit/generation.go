package rabbit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A generation is one Connection and its one Channel. One goroutine owns it; nobody else touches the channel.
type generation struct {
	number int64 // counts from 1 within its supervisor
	host   string
	conn   *amqp.Connection
	ch     *amqp.Channel
	raw    net.Conn
	limit  time.Duration // of close

	connClosed chan *amqp.Error
	chClosed   chan *amqp.Error

	limited  []string // queues of ours that the server limits to its default number of deliveries
	progress bool     // something was confirmed or acknowledged: the next failure is a new one
}

// errLost ends a generation whose connection or channel is gone without a reason given.
var errLost = errors.New("connection closed")

// open makes a generation on one host. It returns within DialTimeout and a little.
func (b *Broker) open(ctx context.Context, url, role string) (*generation, error) {
	conn, raw, err := b.dial(ctx, url, role)
	if err != nil {
		return nil, err
	}
	g := &generation{
		host: raw.RemoteAddr().String(), conn: conn, raw: raw, limit: b.opts.CloseTimeout,
		connClosed: conn.NotifyClose(make(chan *amqp.Error, 1)),
	}
	err = g.within(ctx, b.opts.DialTimeout, func() error {
		var err error
		g.ch, err = conn.Channel()
		return err
	})
	if err != nil {
		g.close()
		return nil, fmt.Errorf("open channel: %w", err)
	}
	g.chClosed = g.ch.NotifyClose(make(chan *amqp.Error, 1))
	return g, nil
}

// within runs a call that asks the broker and waits for its answer, which the library does without a limit: when the
// time is up or ctx ends the socket is cut, and the call fails.
func (g *generation) within(ctx context.Context, limit time.Duration, call func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	watchdog := context.AfterFunc(ctx, func() { _ = g.raw.Close() })
	err := call()
	if !watchdog() && err != nil {
		return fmt.Errorf("no answer within %v: %w", limit, err)
	}
	return err
}

// close ends the generation: politely for a moment, so that what was written is read, then by cutting the socket. A
// broker in alarm reads nothing and would never answer.
func (g *generation) close() {
	watchdog := time.AfterFunc(g.limit, func() { _ = g.raw.Close() })
	_ = g.conn.Close() // an error says that it is closed already
	watchdog.Stop()
}

// lost is the error of a generation whose closed channel gave e.
func lost(e *amqp.Error) error {
	if e == nil {
		return errLost
	}
	return e
}

// major is the first number of the server's version, 0 when it does not say.
func (g *generation) major() int {
	text, _ := g.conn.Properties["version"].(string)
	first, _, _ := strings.Cut(text, ".")
	n, _ := strconv.Atoi(first)
	return n
}
