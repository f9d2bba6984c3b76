package consume

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/queue"
)

// A rack is the broker: it opens consumers and remembers them.
type rack struct {
	mu   sync.Mutex
	open map[*consumer]bool
	all  int
}

// A consumer gives out `left` deliveries after it was drained, and none before.
type consumer struct {
	rack     *rack
	prefetch int
	left     int
	drained  chan struct{}
	closed   bool
}

func (r *rack) consume(prefetch int) Consumer {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &consumer{rack: r, prefetch: prefetch, left: 2, drained: make(chan struct{})}
	r.open[c] = true
	r.all++
	return c
}

func (c *consumer) Receive(ctx context.Context) (*queue.Delivery, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.drained:
	}
	if c.left == 0 {
		return nil, queue.ErrClosed
	}
	c.left--
	return queue.NewDelivery(queue.Message{}, 1, func(error) {}), nil
}

func (c *consumer) Drain() { close(c.drained) }

func (c *consumer) Close() error {
	c.rack.mu.Lock()
	defer c.rack.mu.Unlock()
	delete(c.rack.open, c)
	c.closed = true
	return nil
}

// windows returns the prefetch of each open consumer.
func (r *rack) windows() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var w []int
	for c := range r.open {
		w = append(w, c.prefetch)
	}
	return w
}

// A sink receives until the source is closed or its context ends. stuck is how long it then still takes.
type sink struct {
	mu       sync.Mutex
	received int
	ends     []error
	fail     error // returned by the first Run at once
	stuck    bool  // finishes only when its context ends
}

func (s *sink) Run(ctx context.Context, source queue.Source) error {
	s.mu.Lock()
	fail := s.fail
	s.fail = nil
	s.mu.Unlock()
	if fail != nil {
		return fail
	}
	for {
		d, err := source.Receive(ctx)
		if err != nil {
			if s.stuck {
				<-ctx.Done()
				err = ctx.Err()
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ends = append(s.ends, err)
			return nil
		}
		s.mu.Lock()
		s.received++
		s.mu.Unlock()
		d.Done(nil)
	}
}

func run(t *testing.T, s *sink, start Tuning, takeBack func(context.Context) (int, error)) (p *Pool, r *rack, stop func()) {
	t.Helper()
	r = &rack{open: map[*consumer]bool{}}
	p, err := New(Options{
		Open: r.consume, Sink: s, Tuning: start, TakeBack: takeBack,
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- p.Run(ctx) }()
	synctest.Wait()
	return p, r, func() {
		t.Helper()
		cancel()
		if err := <-result; err != nil {
			t.Errorf("Run: %v", err)
		}
		if w := r.windows(); len(w) != 0 {
			t.Errorf("%d consumers are left open", len(w))
		}
	}
}

func TestTuningChangesTheConsumersLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		p, r, stop := run(t, s, Tuning{Consumers: 2, Prefetch: 10}, nil)
		for _, step := range []struct {
			to     Tuning
			opened int // consumers ever opened
		}{
			{Tuning{2, 10}, 2},
			{Tuning{4, 10}, 4}, // two more
			{Tuning{1, 10}, 4}, // the first goes on
			{Tuning{3, 50}, 7}, // a new window: all anew
			{Tuning{0, 50}, 7}, // paused
			{Tuning{2, 50}, 9},
		} {
			if err := p.SetTuning(step.to); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			want := slices.Repeat([]int{step.to.Prefetch}, step.to.Consumers)
			if got := r.windows(); !slices.Equal(got, want) || r.all != step.opened {
				t.Errorf("%+v: windows %v and %d opened, want %v and %d", step.to, got, r.all, want, step.opened)
			}
		}
		for _, bad := range []Tuning{{-1, 10}, {65, 10}, {1, 0}, {1, 2001}} {
			if err := p.SetTuning(bad); err == nil {
				t.Errorf("%+v is taken", bad)
			}
		}
		stop()
		if s.received != 2*r.all {
			t.Errorf("%d of %d messages in hand were finished before their consumers were closed", s.received, 2*r.all)
		}
		for _, err := range s.ends {
			if !errors.Is(err, queue.ErrClosed) {
				t.Errorf("a loop was ended by %v, want by its drained source", err)
			}
		}
	})
}

func TestALoopThatDoesNotFinishIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{stuck: true}
		_, _, stop := run(t, s, Tuning{Consumers: 3, Prefetch: 1}, nil)
		start := time.Now()
		stop()
		if took := time.Since(start); took != drainLimit {
			t.Errorf("stopping took %v, want %v", took, drainLimit)
		}
		if len(s.ends) != 3 {
			t.Errorf("%d loops ended, want 3", len(s.ends))
		}
	})
}

func TestALoopThatEndsByItselfIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{fail: errors.New("a bug")}
		_, r, stop := run(t, s, Tuning{Consumers: 1, Prefetch: 7}, nil)
		if r.all != 1 || len(r.windows()) != 1 {
			t.Errorf("%d consumers opened, %d open before the pause", r.all, len(r.windows()))
		}
		time.Sleep(restartPause) // of the test's clock
		synctest.Wait()
		if r.all != 2 || len(r.windows()) != 1 {
			t.Errorf("%d consumers opened and %d open after the pause, want the second alone", r.all, len(r.windows()))
		}
		stop()
	})
}

func TestTheDeadQueueIsLookedThroughFromTimeToTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		takeBack := func(context.Context) (int, error) {
			looks++
			return looks - 1, map[bool]error{true: errors.New("no broker")}[looks == 2]
		}
		_, _, stop := run(t, &sink{}, Tuning{Consumers: 1, Prefetch: 1}, takeBack)
		time.Sleep(2*takeBackEvery + time.Second) // of the test's clock
		synctest.Wait()
		stop()
		if looks != 3 {
			t.Errorf("%d looks in %v, want 3", looks, 2*takeBackEvery)
		}
	})
}
