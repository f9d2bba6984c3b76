package rabbit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/shared/queue"
)

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

// A subscription is what a consumer has in one generation. Its owner is the consumer's goroutine.
type subscription struct {
	c       *Consumer
	g       *generation
	tags    *acks
	held    prometheus.Gauge
	in      <-chan amqp.Delivery // nil when not subscribed, or not any more
	pending []*queue.Delivery    // delivered by the broker, not received yet
}

func (s *subscription) subscribe(ctx context.Context) error {
	return s.g.within(ctx, s.c.broker.opts.DialTimeout, func() (err error) {
		if err = s.g.ch.Qos(s.c.prefetch, 0, false); err != nil {
			return fmt.Errorf("set prefetch: %w", err)
		}
		if s.in, err = s.g.ch.Consume(ClicksQueue, consumerTag, false, false, false, false, nil); err != nil {
			return fmt.Errorf("consume queue %s: %w", ClicksQueue, err)
		}
		return nil
	})
}

// unsubscribe cancels and takes what was delivered until then.
func (s *subscription) unsubscribe(ctx context.Context) error {
	if s.in == nil {
		return nil
	}
	err := s.g.within(ctx, s.c.broker.opts.DialTimeout, func() error { return s.g.ch.Cancel(consumerTag, false) })
	if err != nil {
		return fmt.Errorf("cancel consumer: %w", err)
	}
	for m := range s.in { // closed by the library behind the last one
		if err := s.take(&m); err != nil {
			return err
		}
	}
	s.in = nil
	return nil
}

// drained tells Receive, once all that was delivered is received, that nothing more will come.
func (s *subscription) drained() {
	if s.c.draining.Load() && s.in == nil && len(s.pending) == 0 {
		select {
		case <-s.c.drained:
		default:
			close(s.c.drained)
		}
	}
}

// take makes a delivery of a message, unless it is not for this program.
func (s *subscription) take(m *amqp.Delivery) error {
	tag, tags := m.DeliveryTag, s.tags
	if !tags.delivered(tag) {
		return fmt.Errorf("%w: %d", errTags, tag)
	}
	s.held.Inc()
	message, err := decode(m.Type, m.Headers, m.Body)
	if errors.Is(err, errNewer) {
		s.c.broker.metrics.newer.Inc()
		s.c.log.Warn("message has a newer format, it waits in the dead queue", "type", m.Type, "message", m.MessageId)
		s.held.Dec()
		tags.gone(tag)
		return s.g.ch.Reject(tag, false)
	}
	if err != nil {
		s.c.broker.metrics.unreadable.Inc()
		s.c.log.Warn("message is not ours or damaged, its body goes to ingest", "err", err)
	}
	s.pending = append(s.pending, queue.NewDelivery(message, attempt(m), func(err error) { tags.done(tag, err) }))
	return nil
}

// acknowledge sends the acks that are due. Its error ends the generation.
func (s *subscription) acknowledge() error {
	acked, handedBack, err := s.tags.flush(s.g.ch.Ack)
	s.held.Sub(float64(acked))
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	if acked > 0 {
		s.g.progress = true
	}
	if handedBack != nil {
		s.c.broker.metrics.handedBack.Inc()
		return fmt.Errorf("%w: %w", errHandedBack, handedBack)
	}
	return nil
}

// leave acknowledges what is done when the consumer is closed; what does not go through is delivered again. The
// broker answers a cancel only when it has applied the acknowledgements that came before.
func (s *subscription) leave() {
	if s.acknowledge() == nil && s.in != nil {
		_ = s.g.within(context.Background(), s.c.broker.opts.CloseTimeout, func() error { return s.g.ch.Cancel(consumerTag, false) })
	}
}

// ended tells why the deliveries stopped: the channel is gone, or the broker cancelled the consumer.
func (s *subscription) ended() error {
	select {
	case e := <-s.g.chClosed:
		return lost(e)
	default:
	}
	if s.g.ch.IsClosed() {
		return errLost
	}
	return errCancelled
}
