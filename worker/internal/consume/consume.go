// Package consume takes messages out of RabbitMQ and gives them to ingest, through several consumers at once.
//
// Place on the click's way: RabbitMQ => consume -> ingest -> storage. Each consumer has a connection, a channel and a
// fixed window of messages of its own, and one loop of ingest behind it. A message is acknowledged on the channel that
// delivered it, and only after ingest has committed its clicks; a worker that dies leaves the rest to the others.
package consume

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/queue"
)

// A Sink makes the clicks of a source durable until ctx ends or the source is closed. It is called for several sources
// at once. Before it returns it calls Done for everything that it received.
type Sink interface {
	Run(ctx context.Context, source queue.Source) error
}

// A Consumer is a source with a fixed window of messages.
type Consumer interface {
	queue.Source
	// Drain lets Receive give out what is here already and then return queue.ErrClosed.
	Drain()
	// Close hands what is not Done back to the queue. It returns within 5 s.
	Close() error
}

// Options configure a Pool. All but TakeBack are required.
type Options struct {
	Open func(prefetch int) Consumer // starts a consumer; it connects by itself, as often as it must
	Sink Sink
	// TakeBack fetches whole messages of a format that was too new for an earlier program; nil = never.
	TakeBack   func(ctx context.Context) (moved int, err error)
	Tuning     Tuning
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

const (
	// drainLimit is how long a loop that is to end may finish what its consumer has in hand; then it is handed back.
	drainLimit = 3 * time.Second
	// restartPause follows a loop that ended by itself.
	restartPause = time.Second
	// takeBackEvery is how often the dead queue is looked through; at start, too.
	takeBackEvery = 10 * time.Minute
)

// A Pool is the consumers of one worker.
type Pool struct {
	o       Options
	log     *slog.Logger
	running prometheus.Gauge
	changed chan struct{} // capacity 1

	mu     sync.Mutex
	wanted Tuning
}

// New returns a Pool; it starts nothing.
func New(o Options) (*Pool, error) {
	p := &Pool{
		o: o, log: o.Log.With("component", "consume"), changed: make(chan struct{}, 1),
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "longtail_consumers", Help: "Consumers of this worker."}),
	}
	if err := o.Tuning.validate(); err != nil {
		return nil, err
	}
	p.wanted = o.Tuning
	return p, o.Registerer.Register(p.running)
}

// Run keeps the consumers running until ctx ends. Then each finishes what it has in hand, for some seconds at most, and
// hands the rest back; Run returns nil after the last.
func (p *Pool) Run(ctx context.Context) error {
	// The loops outlive ctx by the time that they take to finish.
	running, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	var helper sync.WaitGroup
	if p.o.TakeBack != nil {
		helper.Go(func() { p.takeBack(ctx) })
	}
	var lanes []*lane
	for ctx.Err() == nil {
		lanes = p.adjust(running, lanes)
		select {
		case <-p.changed:
		case <-ctx.Done():
		}
	}
	stopAll(lanes)
	p.running.Set(0)
	helper.Wait()
	return nil
}

// adjust ends the lanes that do not fit the tuning and starts those that are missing.
func (p *Pool) adjust(ctx context.Context, lanes []*lane) []*lane {
	want := p.Tuning()
	keep := lanes[:min(len(lanes), want.Consumers)]
	if len(keep) > 0 && keep[0].prefetch != want.Prefetch {
		keep = nil
	}
	stopAll(lanes[len(keep):])
	keep = slices.Clip(keep)
	for len(keep) < want.Consumers {
		keep = append(keep, p.start(ctx, want.Prefetch))
	}
	p.running.Set(float64(len(keep)))
	p.log.Info("consuming", "consumers", want.Consumers, "prefetch", want.Prefetch)
	return keep
}

// takeBack looks through the dead queue from time to time.
func (p *Pool) takeBack(ctx context.Context) {
	ticker := time.NewTicker(takeBackEvery)
	defer ticker.Stop()
	for {
		moved, err := p.o.TakeBack(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.log.Warn("dead queue was not looked through", "err", err)
		case moved > 0:
			p.log.Info("messages were taken back from the dead queue", "messages", moved)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
