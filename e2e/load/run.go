package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Clicks are the requests to send. Both methods are called by many goroutines and must give the same for the same i.
type Clicks interface {
	AppendRequest(dst []byte, i int) []byte // a whole GET of HTTP/1.1
	Location(i int) string                  // where its 302 must point; empty: anywhere
}

// Options of a load.
type Options struct {
	Addr        string        // host:port
	Connections int           // keep-alive connections at most; a click that finds all busy waits, and its latency tells
	Timeout     time.Duration // of one request; after it the answer is Unknown
}

// A Run is a load that goes on.
type Run struct {
	Start   time.Time
	answers []Answer
	done    atomic.Int64
	all     chan struct{}
	stop    func()
}

// Start sends click i at due[i] after now, each once. It ends when all are answered, or have failed, or ctx has ended;
// clicks that were not yet sent then stay NotSent.
func Start(ctx context.Context, o Options, due []time.Duration, clicks Clicks) *Run {
	r := &Run{Start: time.Now(), answers: make([]Answer, len(due)), all: make(chan struct{})}
	for i := range due {
		r.answers[i].Due = due[i]
	}
	scheduled, stop := context.WithCancel(ctx)
	r.stop = stop
	ready := make(chan int, min(len(due), 1024))
	var senders sync.WaitGroup
	for range min(o.Connections, max(1, len(due))) {
		senders.Go(func() {
			c := &conn{addr: o.Addr, timeout: o.Timeout, start: r.Start}
			defer c.close()
			for i := range ready {
				r.answers[i] = c.click(ctx, i, due[i], clicks)
				r.done.Add(1)
			}
		})
	}
	go func() {
		schedule(scheduled, r.Start, due, ready)
		close(ready)
		senders.Wait()
		stop()
		close(r.all)
	}()
	return r
}

// exactly is the last part of a wait, which must not end late.
const exactly = 2 * time.Millisecond

// schedule hands each click out when it is due. It may be late when all connections are busy; the click's latency
// counts from due all the same.
func schedule(ctx context.Context, start time.Time, due []time.Duration, ready chan<- int) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, at := range due {
		for wait := at - time.Since(start); wait > 0; wait = at - time.Since(start) {
			if wait <= exactly {
				sleepExactly(wait)
				continue
			}
			timer.Reset(wait - exactly)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
		select {
		case ready <- i:
		case <-ctx.Done():
			return
		}
	}
}

// Progress is how many clicks have their fate by now.
func (r *Run) Progress() int { return int(r.done.Load()) }

// Stop sends no more clicks: those that are on their way get their answers, the others stay NotSent.
func (r *Run) Stop() { r.stop() }

// Done is closed when the load has ended.
func (r *Run) Done() <-chan struct{} { return r.all }

// Answers waits for the load's end and returns the answers by click.
func (r *Run) Answers() []Answer {
	<-r.all
	return r.answers
}
