package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"longtail/shared/queue"
)

// lastFlush bounds the commit of what is in hand when a loop ends.
const lastFlush = 5 * time.Second

// Run takes deliveries from the source until ctx ends or the source is closed, and returns nil then. What is in hand
// at the end is committed within five seconds or handed back.
func (g *Ingest) Run(ctx context.Context, source queue.Source) error {
	deliveries := make(chan *queue.Delivery)
	receiving, stop := context.WithCancel(ctx)
	var receiver sync.WaitGroup
	var failed error
	receiver.Go(func() {
		defer close(deliveries)
		failed = receive(receiving, source, deliveries)
	})
	b := batch{ingest: g}
	for b.step(ctx, deliveries) {
	}
	stop()
	for d := range deliveries {
		d.Done(context.Canceled)
	}
	receiver.Wait()
	b.finish(ctx)
	if errors.Is(failed, queue.ErrClosed) || ctx.Err() != nil {
		return nil
	}
	return failed
}

func receive(ctx context.Context, source queue.Source, deliveries chan<- *queue.Delivery) error {
	for {
		d, err := source.Receive(ctx)
		if err != nil {
			return err
		}
		select {
		case deliveries <- d:
		case <-ctx.Done():
			d.Done(ctx.Err())
			return ctx.Err()
		}
	}
}

// A batch is what one loop has in hand.
type batch struct {
	ingest *Ingest
	held   []*queue.Delivery
	clicks int
	since  time.Time
}

// step waits for a delivery or for the batch to be due. It returns false when the loop is to end.
func (b *batch) step(ctx context.Context, deliveries <-chan *queue.Delivery) bool {
	var due <-chan time.Time
	if len(b.held) > 0 {
		timer := time.NewTimer(time.Until(b.since.Add(time.Duration(b.ingest.age.Load()))))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-due:
		return b.commit(ctx)
	case d, open := <-deliveries:
		if !open {
			return false
		}
		if d.Attempt >= QuarantineFrom && b.ingest.o.Lane != nil {
			return b.quarantine(ctx, d)
		}
		b.add(d)
		if b.full() {
			return b.commit(ctx)
		}
		return true
	}
}

func (b *batch) add(d *queue.Delivery) {
	if len(b.held) == 0 {
		b.since = time.Now()
	}
	b.held = append(b.held, d)
	n := count(d)
	b.clicks += n
	b.ingest.inHand.took(b, d, n)
}

func (b *batch) full() bool {
	return int64(b.clicks) >= b.ingest.size.Load() || len(b.held) >= b.ingest.o.Window()
}

// commit makes the batch durable, however long the store is away, up to HandBack.
func (b *batch) commit(ctx context.Context) bool {
	err := b.ingest.persist(ctx, func(ctx context.Context) error { return b.ingest.store(ctx, b.held) })
	b.release(err)
	return ctx.Err() == nil
}

func (b *batch) quarantine(ctx context.Context, d *queue.Delivery) bool {
	err := b.ingest.persist(ctx, func(ctx context.Context) error { return b.ingest.o.Lane.Quarantine(ctx, d) })
	if err == nil {
		b.ingest.metrics.consumed.Add(float64(count(d)))
	}
	d.Done(err)
	return ctx.Err() == nil
}

func (b *batch) finish(ctx context.Context) {
	if len(b.held) == 0 {
		return
	}
	// The loop's context has ended already: the last commit runs under one of its own.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	b.release(b.ingest.store(last, b.held))
}

func (b *batch) release(err error) {
	for _, d := range b.held {
		d.Done(err)
	}
	b.ingest.inHand.released(b)
	clear(b.held)
	b.held, b.clicks = b.held[:0], 0
}
