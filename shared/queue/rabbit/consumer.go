package rabbit

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"longtail/shared/queue"
)

// MaxPrefetch is the broker's limit for one consumer of a quorum queue.
const MaxPrefetch = 2000

// A Consumer is a queue.Source over the queue of clicks, with a window of a fixed number of messages.
//
// Done(nil) acknowledges a message, if the generation that delivered it still lives; else the broker has taken it back
// already and delivers it again. Done(err) closes the channel, so that everything unacknowledged is delivered again,
// after a pause that grows while nothing is acknowledged: a single message is never refused into a loop.
//
// A message of a newer format never comes out: it goes to the dead queue, whole, and Broker.TakeBack of a newer program
// fetches it from there. A message whose headers cannot be read comes out with its body as Frames and a zero Feed: it
// belongs to no range, and ingest stores those frames that it can read and dead-letters the rest.
type Consumer struct {
	broker   *Broker
	log      *slog.Logger
	prefetch int
	out      chan *queue.Delivery
	drain    chan struct{} // capacity 1: draining was just asked for
	draining atomic.Bool
	drained  chan struct{} // closed when nothing is left to be received
	stop     context.CancelFunc
	closed   <-chan struct{}
	owner    sync.WaitGroup
}

// Consume starts a consumer with a window of prefetch messages (1 to MaxPrefetch), on a connection of its own. The
// caller closes it.
func (b *Broker) Consume(prefetch int) *Consumer {
	s := b.supervisor("consume")
	ctx, stop := context.WithCancel(context.Background())
	c := &Consumer{
		broker: b, log: s.log, prefetch: min(max(prefetch, 1), MaxPrefetch), out: make(chan *queue.Delivery),
		drain: make(chan struct{}, 1), drained: make(chan struct{}), stop: stop, closed: ctx.Done(),
	}
	c.owner.Go(func() { _ = s.run(ctx, c.serve) })
	return c
}

// Receive implements queue.Source.
func (c *Consumer) Receive(ctx context.Context) (*queue.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case d := <-c.out:
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.drained:
		return nil, queue.ErrClosed
	case <-c.closed:
		return nil, queue.ErrClosed
	}
}

// Drain asks the broker for no more. What it has delivered can still be received and acknowledged; then Receive
// returns queue.ErrClosed. A consumer that is drained before it is closed hands nearly nothing back, and so makes no
// message look as if it had been tried. The caller closes it soon: a message that was on its way when the broker was
// asked stays behind until then (seen with 3.10.8), which is also why a window cannot be changed by subscribing anew
// on the same channel.
func (c *Consumer) Drain() {
	c.draining.Store(true)
	select {
	case c.drain <- struct{}{}:
	default:
	}
}

// Close acknowledges what is Done and hands the rest back to the broker. It returns within 5 s.
func (c *Consumer) Close() error {
	c.stop()
	c.owner.Wait()
	return nil
}

// serve delivers from one generation.
func (c *Consumer) serve(ctx context.Context, g *generation) error {
	s := subscription{c: c, g: g, tags: newAcks(), held: c.broker.metrics.inFlight.WithLabelValues("consume")}
	defer func() { s.held.Sub(float64(s.tags.retire())) }()
	if c.draining.Load() {
		s.drained()
	} else if err := s.subscribe(ctx); err != nil {
		return err
	}
	var due <-chan time.Time
	for {
		// A nil channel switches its case off: the broker's deliveries wait while one is there to be received.
		from, to, next := s.in, c.out, (*queue.Delivery)(nil)
		if len(s.pending) == 0 {
			to = nil
		} else {
			from, next = nil, s.pending[0]
		}
		select {
		case m, open := <-from:
			if !open {
				return s.ended()
			}
			if err := s.take(&m); err != nil {
				return err
			}
		case to <- next:
			s.pending[0] = nil
			s.pending = s.pending[1:]
			s.drained()
		case <-c.drain:
			if err := s.unsubscribe(ctx); err != nil {
				return err
			}
			s.drained()
		case <-s.tags.wake:
			if due == nil {
				due = time.After(ackDelay)
			}
		case <-due:
			due = nil
			if err := s.acknowledge(); err != nil {
				return err
			}
		case e := <-g.connClosed:
			return lost(e)
		case e := <-g.chClosed:
			return lost(e)
		case <-ctx.Done():
			s.leave()
			return ctx.Err()
		}
	}
}
