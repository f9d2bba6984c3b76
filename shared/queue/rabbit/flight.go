package rabbit

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/shared/queue"
)

// A flight is one message on its way.
type flight struct {
	d       *queue.Delivery
	confirm confirm
	at      time.Time
}

// A confirm is the broker's answer to one message: an *amqp.DeferredConfirmation.
type confirm interface {
	Done() <-chan struct{}
	Acked() bool
}

// patience is how long a confirm may take. A broker that was killed takes connections, and messages, before its queue
// has found itself again, and never confirms what came too early (seen with 3.10.8): so less for the first one.
func (p *publisher) patience(g *generation) time.Duration {
	if g.progress {
		return p.broker.opts.ConfirmTimeout
	}
	return p.broker.opts.ConfirmTimeout / 10
}

// publish sends one message. Its delivery is in flight even when that fails: how much of it arrived is not known.
func (p *publisher) publish(g *generation, d *queue.Delivery) error {
	answer, err := g.ch.PublishWithDeferredConfirm("", ClicksQueue, true, false, encode(&d.Message))
	p.flight = append(p.flight, flight{d: d, confirm: answer, at: time.Now()})
	p.gauge()
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if answer == nil {
		return errors.New("publish: the channel is not in confirm mode")
	}
	return nil
}

// settle ends the flights whose confirm has come, from the oldest on; one queue confirms in order, so a younger one
// that came first waits for a moment only.
//
// A return is put into its channel before the ack of the same message is told: by the time that an ack is seen, a
// message without a return among those waiting was not returned.
func (p *publisher) settle(g *generation, returns <-chan amqp.Return) error {
	for len(p.flight) > 0 {
		f := p.flight[0]
		select {
		case <-f.confirm.Done():
		default:
			return nil
		}
		select {
		case r, open := <-returns:
			if open {
				return p.returned(r)
			}
		default:
		}
		if !f.confirm.Acked() {
			if g.ch.IsClosed() {
				return errLost // the library settles what is pending when the channel closes
			}
			p.broker.metrics.refused.Inc()
			return errRefused
		}
		p.flight[0] = flight{}
		p.flight = p.flight[1:]
		p.gauge()
		g.progress = true
		f.d.Done(nil)
	}
	return nil
}

// drain waits for the confirms of what is in flight after the source was closed.
func (p *publisher) drain(ctx context.Context, g *generation, returns <-chan amqp.Return) error {
	limit := time.NewTimer(p.broker.opts.ConfirmTimeout)
	defer limit.Stop()
	for len(p.flight) > 0 {
		select {
		case <-p.flight[0].confirm.Done():
		case <-limit.C:
			return errNoConfirm
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := p.settle(g, returns); err != nil {
			return err
		}
	}
	return nil
}

// giveUp hands everything in flight back to the source when its generation is over.
func (p *publisher) giveUp(err error) {
	if err == nil {
		err = errLost // nothing that is still in flight is proven, whatever ended the generation
	}
	for _, f := range p.flight {
		f.d.Done(err)
	}
	p.flight = nil
	p.gauge()
}

func (p *publisher) returned(r amqp.Return) error {
	p.broker.metrics.returned.Inc()
	return fmt.Errorf("%w: %d %s (%s)", errReturned, r.ReplyCode, r.ReplyText, r.RoutingKey)
}

// block notes the alarm's begin and end. The time that it took does not count against the confirms.
func (p *publisher) block(b amqp.Blocking) {
	if b.Active {
		p.broker.metrics.blocked.Set(1)
		p.log.Warn("broker is in alarm, publishing waits", "reason", b.Reason)
		return
	}
	p.broker.metrics.blocked.Set(0)
	p.log.Info("broker's alarm is over")
	for i := range p.flight {
		p.flight[i].at = time.Now()
	}
}

func (p *publisher) gauge() {
	p.broker.metrics.inFlight.WithLabelValues("publish").Set(float64(len(p.flight)))
}
