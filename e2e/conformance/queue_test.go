package conformance

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/queue/queuetest"
	"longtail/shared/queue/rabbit"
)

// isAQueue runs the suite of every queue over the broker: what is put in is published by one program, what comes out
// is another one's consumer.
func isAQueue(t *testing.T, mq *stack.Broker) {
	const window = 4
	features := queuetest.Features{Window: window, OneFeed: true, CountAttempt: true}
	queuetest.Run(t, features, func(t *testing.T) queuetest.Queue {
		t.Helper()
		b := broker(t, mq.URL())
		anew(t, mq, b)
		f, c := newWriter(), b.Consume(window)
		put := func(t *testing.T, clicks []click.Click) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := b.Publish(ctx, hand(f.write(clicks))); err != nil {
				t.Fatal(err)
			}
		}
		return queuetest.Queue{Source: c, Put: put, Close: c.Close}
	})
}

// anew makes the queues anew. Emptying them is not enough: what a consumer that was just closed held comes back later.
func anew(t *testing.T, mq *stack.Broker, b *rabbit.Broker) {
	t.Helper()
	ch := raw(t, mq.URL())
	for _, name := range []string{rabbit.ClicksQueue, rabbit.DeadQueue} {
		if _, err := ch.QueueDelete(name, false, false, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Audit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A writer makes the messages of one feed, as a spool does of what is appended to it.
type writer struct {
	feed  queue.FeedID
	clock *click.Clock
	end   int64
}

func newWriter() *writer {
	clock := click.NewClock()
	return &writer{feed: queue.FeedID(click.NewID(clock.MS())), clock: clock}
}

// write appends the clicks, each with an id of its own, and cuts them into messages.
func (w *writer) write(clicks []click.Click) (messages []queue.Message) {
	m := queue.Message{Feed: w.feed, From: w.end, To: w.end}
	cut := func(upto int64) {
		m.UptoMS = upto
		messages = append(messages, m)
		m = queue.Message{Feed: w.feed, From: w.end, To: w.end}
	}
	for i := range clicks {
		c := clicks[i].Clone()
		c.ID = click.NewID(w.clock.MS())
		frame := click.AppendFrame(nil, &c)
		if m.Clicks == queue.MaxClicks || m.Clicks > 0 && len(m.Frames)+len(frame) > queue.MaxBytes {
			cut(c.ID.MS()) // the clock never goes back: what is below stands before
		}
		m.Frames = append(m.Frames, frame...)
		m.Clicks++
		w.end += int64(len(frame))
		m.To = w.end
	}
	cut(w.clock.MS())
	return messages
}

// A handful is a source of these messages and no more: it closes when all of them are Done.
type handful struct {
	waiting chan *queue.Delivery
	left    atomic.Int64
}

func hand(messages []queue.Message) *handful {
	h := &handful{waiting: make(chan *queue.Delivery, len(messages))}
	h.left.Store(int64(len(messages)))
	for _, m := range messages {
		h.give(m, 1)
	}
	return h
}

// give never waits: there is room for every message.
func (h *handful) give(m queue.Message, attempt int) {
	h.waiting <- queue.NewDelivery(m, attempt, func(err error) {
		if err != nil {
			h.give(m, attempt+1)
		} else if h.left.Add(-1) == 0 {
			close(h.waiting)
		}
	})
}

// Receive implements queue.Source.
func (h *handful) Receive(ctx context.Context) (*queue.Delivery, error) {
	select {
	case d, open := <-h.waiting:
		if !open {
			return nil, queue.ErrClosed
		}
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
