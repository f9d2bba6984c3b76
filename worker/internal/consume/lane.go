package consume

import (
	"context"
	"sync"
	"time"
)

// A lane is one consumer with the loop of ingest behind it.
type lane struct {
	prefetch int
	leave    chan struct{} // closed: finish and end
	ended    chan struct{}
}

// start runs a lane until stop is called. ctx ends it without mercy.
func (p *Pool) start(ctx context.Context, prefetch int) *lane {
	l := &lane{prefetch: prefetch, leave: make(chan struct{}), ended: make(chan struct{})}
	go func() { // stopAll waits for it
		defer close(l.ended)
		for !l.leaving() && ctx.Err() == nil {
			p.serve(ctx, l)
		}
	}()
	return l
}

// serve runs the loop once, over a consumer of its own.
func (p *Pool) serve(ctx context.Context, l *lane) {
	consumer := p.o.Open(l.prefetch)
	defer func() {
		if err := consumer.Close(); err != nil {
			p.log.Warn("consumer did not close cleanly", "err", err)
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	ended := make(chan struct{}) // waited for on every way out
	go func() { defer close(ended); err = p.o.Sink.Run(ctx, consumer) }()
	select {
	case <-ended:
		if l.leaving() || ctx.Err() != nil {
			return
		}
		p.log.Error("ingest ended by itself, it starts again", "err", err)
		l.wait(restartPause)
	case <-l.leave:
		consumer.Drain()
		select {
		case <-ended:
		case <-time.After(drainLimit):
			cancel()
			<-ended
		}
	}
}

func (l *lane) leaving() bool {
	select {
	case <-l.leave:
		return true
	default:
		return false
	}
}

func (l *lane) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.leave:
	}
}

// stopAll ends the lanes together and waits for the last.
func stopAll(lanes []*lane) {
	var all sync.WaitGroup
	for _, l := range lanes {
		all.Go(func() {
			close(l.leave)
			<-l.ended
		})
	}
	all.Wait()
}
