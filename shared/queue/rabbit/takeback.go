package rabbit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// TakeBack moves messages that this program can read from the dead queue back to the queue of clicks, and returns how
// many. Each is confirmed there before it is acknowledged here, so one that is interrupted may come twice and none is
// lost. Messages of a still newer format stay where they are.
//
// It refuses with ErrTopology where the broker would drop a message of the dead queue after a number of looks at it:
// on version 4 or newer, with a queue that was made before.
func (b *Broker) TakeBack(ctx context.Context) (moved int, err error) {
	g, err := b.supervisor("take back").open(ctx)
	if err != nil {
		return 0, fmt.Errorf("connect to rabbitmq: %w", err)
	}
	defer g.close() // gives back what was looked at and left
	t := takeBack{broker: b, g: g}
	count, err := t.prepare(ctx)
	for ; count > 0 && err == nil && ctx.Err() == nil; count-- {
		var done bool
		if done, err = t.one(ctx); done {
			moved++
		}
	}
	b.metrics.takenBack.Add(float64(moved))
	if err == nil {
		err = ctx.Err()
	}
	return moved, err
}

type takeBack struct {
	broker  *Broker
	g       *generation
	returns <-chan amqp.Return
}

// prepare returns how many messages are there to be looked at.
func (t *takeBack) prepare(ctx context.Context) (count int, err error) {
	err = t.g.within(ctx, t.broker.opts.DialTimeout, func() error {
		if err := t.g.declare(); err != nil {
			return err
		}
		if slices.Contains(t.g.limited, DeadQueue) {
			return fmt.Errorf("%w: queue %s has the broker's default delivery limit; delete it when it is empty, "+
				"it is then made again without one", ErrTopology, DeadQueue)
		}
		if err := t.g.ch.Confirm(false); err != nil {
			return fmt.Errorf("ask for confirms: %w", err)
		}
		t.returns = t.g.ch.NotifyReturn(make(chan amqp.Return, returnsCapacity))
		q, err := t.g.ch.QueueDeclarePassive(DeadQueue, true, false, false, false, nil)
		if err != nil {
			return fmt.Errorf("count queue %s: %w", DeadQueue, err)
		}
		count = q.Messages
		return nil
	})
	return count, err
}

// one looks at the next message and moves it, or leaves it unacknowledged.
func (t *takeBack) one(ctx context.Context) (moved bool, err error) {
	var d amqp.Delivery
	var found bool
	err = t.g.within(ctx, t.broker.opts.DialTimeout, func() error {
		d, found, err = t.g.ch.Get(DeadQueue, false)
		return err
	})
	if err != nil || !found {
		return false, err
	}
	if version, err := format(d.Type); err == nil && version > formatVersion {
		return false, nil
	}
	if err := t.publish(ctx, &d); err != nil {
		return false, fmt.Errorf("move a message from %s to %s: %w", DeadQueue, ClicksQueue, err)
	}
	return true, t.g.ch.Ack(d.DeliveryTag, false)
}

func (t *takeBack) publish(ctx context.Context, d *amqp.Delivery) error {
	headers := amqp.Table{}
	for name, value := range d.Headers {
		if !strings.HasPrefix(name, "x-") { // the broker's own notes about its first life
			headers[name] = value
		}
	}
	confirm, err := t.g.ch.PublishWithDeferredConfirm("", ClicksQueue, true, false, amqp.Publishing{
		ContentType: d.ContentType, Type: d.Type, DeliveryMode: amqp.Persistent, MessageId: d.MessageId,
		Timestamp: time.Now(), Headers: headers, Body: d.Body,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, t.broker.opts.ConfirmTimeout)
	defer cancel()
	acked, err := confirm.WaitContext(ctx)
	switch {
	case err != nil:
		return errors.Join(errNoConfirm, err)
	case len(t.returns) > 0:
		return errReturned
	case !acked:
		return errRefused
	}
	return nil
}
