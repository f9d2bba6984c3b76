package rabbit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/shared/queue"
)

// maxInFlight bounds the messages published and not confirmed. The source's own window is smaller.
const maxInFlight = 16

// returnsCapacity must be above maxInFlight: the library drops a return that finds the channel full, and the
// message's ack would then look like a proof.
const returnsCapacity = 4 * maxInFlight

const _ = uint(returnsCapacity - maxInFlight - 1) // does not compile when it is not

var (
	errReturned  = errors.New("message was returned: its queue is gone")
	errRefused   = errors.New("message was refused by the broker")
	errNoConfirm = errors.New("confirm is overdue: the queue may have no leader")
)

// Publish takes deliveries from source and publishes each as one message, until ctx ends or the source is closed.
// One goroutine owns the channel. A delivery is Done(nil) only when the broker has confirmed its message and is proven
// not to have returned it; it is Done(err) when it was refused or returned, or when its generation ended first. Then
// the message may be in the queue all the same, and comes twice.
//
// The source is not asked for more while the broker is away or in alarm. It returns ctx's error, or nil once a closed
// source's last message is confirmed.
func (b *Broker) Publish(ctx context.Context, source queue.Source) error {
	s := b.supervisor("publish")
	p := publisher{broker: b, log: s.log, in: make(chan *queue.Delivery)}
	ctx, stop := context.WithCancelCause(ctx)
	var receiver sync.WaitGroup
	receiver.Go(func() {
		if err := receive(ctx, source, p.in); err != nil {
			stop(err)
		}
	})
	err := s.run(ctx, p.serve)
	stop(nil)
	receiver.Wait()
	if err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// receive moves deliveries from the source to in, which it closes when the source is closed.
func receive(ctx context.Context, source queue.Source, in chan<- *queue.Delivery) error {
	for {
		d, err := source.Receive(ctx)
		if errors.Is(err, queue.ErrClosed) {
			close(in)
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case in <- d:
		case <-ctx.Done():
			d.Done(ctx.Err())
			return ctx.Err()
		}
	}
}

// A publisher is the state of Publish's one goroutine.
type publisher struct {
	broker *Broker
	log    *slog.Logger
	in     chan *queue.Delivery
	flight []flight // oldest first
}

// serve publishes through one generation. It returns nil when the source is closed and nothing is left.
func (p *publisher) serve(ctx context.Context, g *generation) (err error) {
	if err := g.within(ctx, p.broker.opts.DialTimeout, func() error { return g.ch.Confirm(false) }); err != nil {
		return fmt.Errorf("ask for confirms: %w", err)
	}
	returns := g.ch.NotifyReturn(make(chan amqp.Return, returnsCapacity))
	blocking := g.conn.NotifyBlocked(make(chan amqp.Blocking, 16))
	defer func() { p.giveUp(err) }()
	defer p.broker.metrics.blocked.Set(0)
	overdue := time.NewTicker(p.broker.opts.ConfirmTimeout / 30)
	defer overdue.Stop()
	blocked := false
	for {
		// Receiving is switched off by a nil channel. A broker in alarm says so only when it is published to, so the
		// first message of a generation goes alone.
		in := p.in
		if blocked || len(p.flight) >= maxInFlight || (len(p.flight) > 0 && !g.progress) {
			in = nil
		}
		var settled <-chan struct{}
		if len(p.flight) > 0 {
			settled = p.flight[0].confirm.Done()
		}
		select {
		case d, open := <-in:
			if !open {
				return p.drain(ctx, g, returns)
			}
			if err := p.publish(g, d); err != nil {
				return err
			}
		case <-settled:
			if err := p.settle(g, returns); err != nil {
				return err
			}
		case r, open := <-returns:
			if open {
				return p.returned(r)
			}
			return errLost
		case b, open := <-blocking:
			if !open {
				return errLost
			}
			blocked = b.Active
			p.block(b)
		case <-overdue.C:
			if !blocked && len(p.flight) > 0 && time.Since(p.flight[0].at) > p.patience(g) {
				return errNoConfirm
			}
		case e := <-g.connClosed:
			return lost(e)
		case e := <-g.chClosed:
			return lost(e)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
