// Package publish carries clicks from the spool to RabbitMQ: it reads what is written, many clicks per message, and
// lets go of a click only on the broker's proven confirm.
//
// Place on the click's way: edge -> resolve -> spool -> publish => RabbitMQ. It keeps no click itself. While the broker
// is away, in alarm, or slow, the spool grows and redirects go on.
package publish

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/queue"
)

// A Broker takes the deliveries of a source until ctx ends or the source is closed. It calls Done(nil) for one only
// when the broker has it on disk.
type Broker interface {
	Publish(ctx context.Context, source queue.Source) error
}

// A Publisher is the hop from the spool to the broker, with its counters.
type Publisher struct {
	broker      Broker
	log         *slog.Logger
	published   prometheus.Counter
	republished prometheus.Counter
}

// New returns a Publisher; it starts nothing.
func New(broker Broker, log *slog.Logger, r prometheus.Registerer) *Publisher {
	p := &Publisher{
		broker: broker,
		log:    log.With("component", "publish"),
		published: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "longtail_clicks_published_total", Help: "Clicks that the broker confirmed."}),
		republished: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "longtail_clicks_republished_total", Help: "Clicks sent again because their first confirm never came."}),
	}
	r.MustRegister(p.published, p.republished)
	return p
}

// Run publishes what source delivers until ctx ends or the source is closed and empty; it returns nil then. It hands
// nothing over at the end: who shuts down waits for the spool to be empty first.
func (p *Publisher) Run(ctx context.Context, source queue.Source) error {
	p.log.Info("publishing")
	err := p.broker.Publish(ctx, counted{p, source})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// counted counts the clicks of what passes through.
type counted struct {
	p      *Publisher
	source queue.Source
}

// Receive implements queue.Source.
func (c counted) Receive(ctx context.Context) (*queue.Delivery, error) {
	d, err := c.source.Receive(ctx)
	if err != nil {
		return nil, err
	}
	if d.Attempt > 1 {
		c.p.republished.Add(float64(d.Clicks))
	}
	clicks := float64(d.Clicks)
	return queue.NewDelivery(d.Message, d.Attempt, func(err error) {
		if err == nil {
			c.p.published.Add(clicks)
		}
		d.Done(err)
	}), nil
}
