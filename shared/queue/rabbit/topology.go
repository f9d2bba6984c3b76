package rabbit

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The names on the broker. A breaking format gets a new number; old and new queues then live side by side.
const (
	ClicksQueue  = "longtail.clicks.1"
	DeadExchange = "longtail.dead"
	DeadQueue    = "longtail.dead.1"
)

// ErrTopology says that the broker has a queue or exchange of our name that was made with other properties. Trying again does
// not help; its text says what differs.
var ErrTopology = errors.New("rabbitmq topology differs")

// limitArgument is the broker's own delivery limit. RabbitMQ 4 made it 20 by default, and with a prefetch window a
// worker that dies repeatedly would use it up for every good message in its hands; 3.x has none and refuses -1.
const limitArgument = "x-delivery-limit"

// clicksArguments make the queue of clicks: replicated and on disk before a confirm; refusing instead of dropping
// when an operator's policy limits its length; and dead-lettering with confirms, for which reject-publish is needed.
func clicksArguments(major int) amqp.Table {
	return withoutLimit(major, amqp.Table{
		amqp.QueueTypeArg:        amqp.QueueTypeQuorum,
		amqp.QueueOverflowArg:    amqp.QueueOverflowRejectPublish,
		"x-dead-letter-exchange": DeadExchange,
		"x-dead-letter-strategy": "at-least-once",
	})
}

// deadArguments make the queue of whole messages of a newer format. Nothing leaves it but by TakeBack.
func deadArguments(major int) amqp.Table {
	return withoutLimit(major, amqp.Table{
		amqp.QueueTypeArg:     amqp.QueueTypeQuorum,
		amqp.QueueOverflowArg: amqp.QueueOverflowRejectPublish,
	})
}

func withoutLimit(major int, args amqp.Table) amqp.Table {
	if major >= 4 {
		args[limitArgument] = int32(-1)
	}
	return args
}

// declare makes what is missing and compares the rest. It uses channels of its own: a difference closes the channel.
func (g *generation) declare() error {
	g.limited = nil
	missing := g.missing(DeadQueue) || g.missing(ClicksQueue)
	err := g.onChannel(func(ch *amqp.Channel) error {
		return ch.ExchangeDeclare(DeadExchange, amqp.ExchangeFanout, true, false, false, false, nil)
	})
	if err != nil {
		return explain("exchange", DeadExchange, err)
	}
	if err := g.declareQueue(DeadQueue, deadArguments(g.major())); err != nil {
		return err
	}
	err = g.onChannel(func(ch *amqp.Channel) error { return ch.QueueBind(DeadQueue, "", DeadExchange, false, nil) })
	if err != nil {
		return fmt.Errorf("bind queue %s: %w", DeadQueue, err)
	}
	if err := g.declareQueue(ClicksQueue, clicksArguments(g.major())); err != nil {
		return err
	}
	if missing {
		time.Sleep(newborn)
	}
	return nil
}

// newborn is how long a queue that was just made is left alone. RabbitMQ writes the name of a new quorum queue to disk
// half a second later; killed before that, it starts the queue again empty and without a leader, whatever it had
// confirmed (seen with 3.10.8; rabbitmq-server#15725 is the same end by another way).
const newborn = time.Second

// missing reports whether the broker has no queue of that name.
func (g *generation) missing(name string) bool {
	err := g.onChannel(func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
		return err
	})
	e, ok := errors.AsType[*amqp.Error](err)
	return ok && e.Code == amqp.NotFound
}

func (g *generation) declareQueue(name string, args amqp.Table) error {
	limited, err := declareEither(args, func(args amqp.Table) error { return g.tryQueue(name, args) })
	if limited {
		g.limited = append(g.limited, name)
	}
	return err
}

// declareEither accepts one difference: a queue that was made before the server became version 4 has no delivery limit
// argument and cannot be given one. It goes on working, limited to the server's default number of deliveries.
func declareEither(args amqp.Table, try func(amqp.Table) error) (limited bool, err error) {
	err = try(args)
	if _, has := args[limitArgument]; !has || !errors.Is(err, ErrTopology) {
		return false, err
	}
	old := amqp.Table{}
	for k, v := range args {
		if k != limitArgument {
			old[k] = v
		}
	}
	if try(old) != nil {
		return false, err // something else differs, too
	}
	return true, nil
}

func (g *generation) tryQueue(name string, args amqp.Table) error {
	return explain("queue", name, g.onChannel(func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(name, true, false, false, false, args)
		return err
	}))
}

func (g *generation) onChannel(use func(*amqp.Channel) error) error {
	ch, err := g.conn.Channel()
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	defer ch.Close() // it only declared
	return use(ch)
}

// explain turns the broker's refusal, which names the first property that differs, into ErrTopology.
func explain(kind, name string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*amqp.Error](err); ok && e.Code == amqp.PreconditionFailed {
		return fmt.Errorf("%w: %s %s exists with other properties: %s", ErrTopology, kind, name, e.Reason)
	}
	return fmt.Errorf("declare %s %s: %w", kind, name, err)
}

// Depth is how many messages wait in the broker's queues. What consumers hold unacknowledged is not among them.
type Depth struct {
	Clicks int
	Dead   int
}

// Depth asks the broker, over a connection of its own: not for every second.
func (b *Broker) Depth(ctx context.Context) (Depth, error) {
	var depth Depth
	err := b.once(ctx, "depth", func(g *generation) error {
		clicks, err := g.ch.QueueDeclarePassive(ClicksQueue, true, false, false, false, nil)
		if err != nil {
			return fmt.Errorf("count queue %s: %w", ClicksQueue, err)
		}
		dead, err := g.ch.QueueDeclarePassive(DeadQueue, true, false, false, false, nil)
		if err != nil {
			return fmt.Errorf("count queue %s: %w", DeadQueue, err)
		}
		depth = Depth{Clicks: clicks.Messages, Dead: dead.Messages}
		return nil
	})
	return depth, err
}
