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

// MaxPrefetch is the broker's limit for one consumer of a quorum queue.
const MaxPrefetch = 2000

// consumerTag names the one consumer of a channel.
const consumerTag = "clicks"

// ackDelay lets the messages of one batch, which are Done one after the other, become one acknowledgement. The broker
// holds back many small ones, and those would be lost with the connection.
const ackDelay = 2 * time.Millisecond

var (
	errHandedBack = errors.New("deliveries were handed back")
	errTags       = errors.New("delivery tags are not consecutive")
	errCancelled  = errors.New("consumer was cancelled: its queue is gone")
)

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
	prefetch int
	log      *slog.Logger
	out      chan *queue.Delivery
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
		broker: b, prefetch: min(max(prefetch, 1), MaxPrefetch), log: s.log,
		out: make(chan *queue.Delivery), stop: stop, closed: ctx.Done(),
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
	case <-c.closed:
		return nil, queue.ErrClosed
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
	in, err := c.subscribe(g)
	if err != nil {
		return err
	}
	tags := newAcks()
	held := c.broker.metrics.inFlight.WithLabelValues("consume")
	defer func() { held.Sub(float64(tags.retire())) }()
	var next *queue.Delivery
	var due <-chan time.Time
	for {
		// A nil channel switches its case off: one delivery at a time waits to be received.
		from, to := in, c.out
		if next == nil {
			to = nil
		} else {
			from = nil
		}
		select {
		case m, open := <-from:
			if !open {
				return c.ended(g)
			}
			held.Inc()
			if next, err = c.take(g, tags, &m); err != nil {
				return err
			}
		case to <- next:
			next = nil
		case <-tags.wake:
			if due == nil {
				due = time.After(ackDelay)
			}
		case <-due:
			due = nil
			if err := c.acknowledge(g, tags); err != nil {
				return err
			}
		case e := <-g.connClosed:
			return lost(e)
		case e := <-g.chClosed:
			return lost(e)
		case <-ctx.Done():
			c.leave(g, tags)
			return ctx.Err()
		}
	}
}

// leave acknowledges what is done when the consumer is closed; what does not go through is delivered again. The
// broker answers a cancel only when it has applied the acknowledgements that came before.
func (c *Consumer) leave(g *generation, tags *acks) {
	if c.acknowledge(g, tags) == nil {
		_ = g.within(c.broker.opts.CloseTimeout, func() error { return g.ch.Cancel(consumerTag, false) })
	}
}

func (c *Consumer) subscribe(g *generation) (in <-chan amqp.Delivery, err error) {
	err = g.within(c.broker.opts.DialTimeout, func() error {
		if err := g.ch.Qos(c.prefetch, 0, false); err != nil {
			return fmt.Errorf("set prefetch: %w", err)
		}
		if in, err = g.ch.Consume(ClicksQueue, consumerTag, false, false, false, false, nil); err != nil {
			return fmt.Errorf("consume queue %s: %w", ClicksQueue, err)
		}
		return nil
	})
	return in, err
}

// ended tells why the deliveries stopped: the channel is gone, or the broker cancelled the consumer.
func (c *Consumer) ended(g *generation) error {
	select {
	case e := <-g.chClosed:
		return lost(e)
	default:
	}
	if g.ch.IsClosed() {
		return errLost
	}
	return errCancelled
}

// take makes a delivery of a message. It returns nil for one that is not for this program.
func (c *Consumer) take(g *generation, tags *acks, m *amqp.Delivery) (*queue.Delivery, error) {
	tag := m.DeliveryTag
	if !tags.delivered(tag) {
		return nil, fmt.Errorf("%w: %d", errTags, tag)
	}
	message, err := decode(m.Type, m.Headers, m.Body)
	if errors.Is(err, errNewer) {
		c.broker.metrics.newer.Inc()
		c.broker.metrics.inFlight.WithLabelValues("consume").Dec()
		c.log.Warn("message has a newer format, it waits in the dead queue", "type", m.Type, "message", m.MessageId)
		tags.gone(tag)
		return nil, g.ch.Reject(tag, false)
	}
	if err != nil {
		c.broker.metrics.unreadable.Inc()
		c.log.Warn("message is not ours or damaged, its body goes to ingest", "err", err)
	}
	return queue.NewDelivery(message, attempt(m), func(err error) { tags.done(tag, err) }), nil
}

// acknowledge sends the acks that are due. Its error ends the generation.
func (c *Consumer) acknowledge(g *generation, tags *acks) error {
	acked, handedBack, err := tags.flush(g.ch.Ack)
	c.broker.metrics.inFlight.WithLabelValues("consume").Sub(float64(acked))
	if acked > 0 && err == nil {
		g.progress = true
	}
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	if handedBack != nil {
		c.broker.metrics.handedBack.Inc()
		return fmt.Errorf("%w: %w", errHandedBack, handedBack)
	}
	return nil
}
