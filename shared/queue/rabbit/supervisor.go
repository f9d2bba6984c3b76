package rabbit

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

// A supervisor makes one generation after the other until its context ends.
type supervisor struct {
	broker *Broker
	role   string // "publish", "consume", ...: a label, from a closed set
	log    *slog.Logger
	next   int // index into broker.urls
	count  int64
	last   string // the failure that was logged last; "" = all is well
}

func (b *Broker) supervisor(role string) *supervisor {
	return &supervisor{broker: b, role: role, log: b.opts.Log.With("role", role), next: rand.IntN(len(b.urls))}
}

// open makes the next generation, on the next host of the list.
func (s *supervisor) open(ctx context.Context) (*generation, error) {
	url := s.broker.urls[s.next%len(s.broker.urls)]
	s.next++
	g, err := s.broker.open(ctx, url, s.role)
	if err != nil {
		return nil, err
	}
	s.next-- // a host that answers is kept
	s.count++
	g.number = s.count
	s.broker.metrics.generations.WithLabelValues(s.role).Inc()
	return g, nil
}

// run calls serve with each generation and closes it afterwards. serve returns when the generation is over, nil when
// there is nothing more to do at all; a
// generation without progress makes the pause before the next one longer. run returns nil or ctx's error.
func (s *supervisor) run(ctx context.Context, serve func(context.Context, *generation) error) error {
	pause := s.broker.opts.BackoffMin
	for {
		g, err := s.open(ctx)
		if err == nil {
			if err = s.serve(ctx, g, serve); err == nil {
				return nil
			}
			if g.progress {
				pause = s.broker.opts.BackoffMin
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.failed(err)
		if !sleep(ctx, pause/2+rand.N(pause)) {
			return ctx.Err()
		}
		pause = min(2*pause, s.broker.opts.BackoffMax)
	}
}

func (s *supervisor) serve(ctx context.Context, g *generation, serve func(context.Context, *generation) error) error {
	defer g.close()
	if err := g.within(ctx, s.broker.opts.DialTimeout, g.declare); err != nil {
		return err
	}
	if s.last != "" || g.number == 1 {
		s.log.Info("connected", "host", g.host, "generation", g.number)
		if len(g.limited) > 0 {
			s.log.Warn("queues were made before the broker was version 4 and have its default delivery limit: "+
				"set a policy with a large delivery-limit", "queues", g.limited)
		}
		s.last = ""
	}
	up := s.broker.metrics.connected.WithLabelValues(s.role)
	up.Inc()
	defer up.Dec()
	return serve(ctx, g)
}

// failed logs a failure once for as long as it stays the same.
func (s *supervisor) failed(err error) {
	if text := err.Error(); text != s.last {
		s.log.Warn("connection lost, trying again without end", "err", err)
		s.last = text
	}
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
