package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// A Lifecycle owns what a program has started. Each started thing registers its stop at once; Stop runs them last in,
// first out, each within its limit, and joins their errors.
type Lifecycle struct {
	Log   *slog.Logger
	mu    sync.Mutex
	stops []stop
	fatal chan error
}

type stop struct {
	name  string
	limit time.Duration
	run   func(context.Context) error
}

// NewLifecycle returns an empty one.
func NewLifecycle(log *slog.Logger) *Lifecycle {
	return &Lifecycle{Log: log, fatal: make(chan error, 1)}
}

// Defer registers how to stop a thing that was just started.
func (l *Lifecycle) Defer(name string, limit time.Duration, run func(context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stops = append(l.stops, stop{name, limit, run})
}

// Go runs a loop in a goroutine of its own. Its stop cancels the loop's context and waits for its end. A loop that ends
// by itself with an error ends the program.
func (l *Lifecycle) Go(name string, limit time.Duration, loop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := loop(ctx)
		if err != nil && ctx.Err() == nil {
			l.Fail(fmt.Errorf("%s: %w", name, err))
		}
		ended <- err
	}()
	l.Defer(name, limit, func(stopping context.Context) error {
		cancel()
		select {
		case err := <-ended:
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-stopping.Done():
			return stopping.Err()
		}
	})
}

// Fail asks the program to end with err; only the first is kept.
func (l *Lifecycle) Fail(err error) {
	select {
	case l.fatal <- err:
	default:
	}
}

// Failed delivers the error that ends the program.
func (l *Lifecycle) Failed() <-chan error { return l.fatal }

// Stop stops everything, last started first.
func (l *Lifecycle) Stop(ctx context.Context) error {
	l.mu.Lock()
	stops := l.stops
	l.stops = nil
	l.mu.Unlock()
	var errs []error
	for _, s := range slices.Backward(stops) {
		limited, cancel := context.WithTimeout(ctx, s.limit)
		if err := s.run(limited); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.name, err))
			l.Log.Error("stopped badly", "part", s.name, "error", err)
		}
		cancel()
	}
	return errors.Join(errs...)
}
