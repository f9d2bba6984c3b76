// Package rabbit is the middle of the click's way in the cluster: spool -> publish => RabbitMQ => consume -> ingest.
// It carries messages of package queue through one durable quorum queue and keeps their promise across broken
// connections, restarted brokers, deleted queues and alarms.
//
// Everything runs in generations: a generation is one Connection with one Channel, made together and thrown away
// together. Delivery tags, confirms and returns mean something only inside the generation that saw them, so a new one
// begins with new objects and nothing of the old one is ever used through it. The client library's own recovery stays
// off for that reason: it reopens the same Channel, on which an old tag would acknowledge another message.
package rabbit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options tell where the broker is and how patient to be with it. Durations left at zero take their default.
type Options struct {
	// URL is one AMQP URL or several, separated by commas; "amqp://user:secret@a:5672,b:5672/vhost" names two hosts
	// that share the rest. They are tried in turn, without end.
	URL  string
	Name string // shown by the broker's own tools beside each connection

	DialTimeout    time.Duration // until a connection is ready to use, 5 s
	Heartbeat      time.Duration // 6 s: a silent broker is given up after 1.5 times as long
	WriteTimeout   time.Duration // one write to the socket, 5 s
	ConfirmTimeout time.Duration // a confirm is waited for this long, 30 s, the first of a connection a tenth; not counted while blocked
	CloseTimeout   time.Duration // the polite part of closing, 2 s; then the socket is cut
	BackoffMin     time.Duration // pause after a first failure, 100 ms; it doubles, with jitter,
	BackoffMax     time.Duration // up to this, 2 s

	Log        *slog.Logger
	Registerer prometheus.Registerer
}

func (o *Options) setDefaults() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.DialTimeout, 5 * time.Second},
		{&o.Heartbeat, 6 * time.Second},
		{&o.WriteTimeout, 5 * time.Second},
		{&o.ConfirmTimeout, 30 * time.Second},
		{&o.CloseTimeout, 2 * time.Second},
		{&o.BackoffMin, 100 * time.Millisecond},
		{&o.BackoffMax, 2 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
}

// A Broker is the RabbitMQ that one program uses. It holds no connection itself: each publisher and each consumer
// has its own, because an alarm stops connections that publish and must not stop those that consume.
type Broker struct {
	opts    Options
	urls    []string
	metrics *metrics
}

// New reads the options. It does not connect; its error names a URL that cannot be read (without its password).
func New(opts Options) (*Broker, error) {
	opts.setDefaults()
	urls, err := splitURLs(opts.URL)
	if err != nil {
		return nil, err
	}
	opts.Log = opts.Log.With("component", "rabbit")
	return &Broker{opts: opts, urls: urls, metrics: newMetrics(opts.Registerer)}, nil
}

// Audit connects once, declares the topology and so compares it with what the broker has. It returns ErrTopology when
// a queue or exchange of our name was made differently, with what differs, and any other error when the broker could
// not be asked. A program calls it at start; afterwards every generation declares again.
func (b *Broker) Audit(ctx context.Context) error {
	return b.once(ctx, "audit", func(g *generation) error { return g.declare() })
}

// auditPause lies between two tries to reach a broker that is not there yet.
const auditPause = time.Second

// AuditPatiently is Audit for a program that starts before its broker: it asks until the broker answers, and returns
// ErrTopology or nil; when ctx ends first, it returns ctx's error.
func (b *Broker) AuditPatiently(ctx context.Context) error {
	for {
		err := b.Audit(ctx)
		if err == nil || errors.Is(err, ErrTopology) {
			return err
		}
		if !sleep(ctx, auditPause) {
			return ctx.Err()
		}
	}
}

// once opens a generation for one short task.
func (b *Broker) once(ctx context.Context, role string, task func(*generation) error) error {
	s := b.supervisor(role)
	var err error
	for range b.urls {
		var g *generation
		if g, err = s.open(ctx); err == nil {
			err = g.within(ctx, b.opts.DialTimeout, func() error { return task(g) })
			g.close()
			return err
		}
	}
	return fmt.Errorf("connect to rabbitmq: %w", err)
}
