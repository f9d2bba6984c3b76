package faults

import (
	"math"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/e2e/stage"
)

// Every message comes three times: rows and figures are those of one.
func TestD23EveryMessageThreeTimes(t *testing.T) {
	f := stage.NewFault(t, "D23")
	s := stage.For(t)
	s.Warm(t)
	for _, w := range s.Workers {
		if err := w.Term(stage.Within(t, graceLimit)); err != nil {
			t.Fatal(err)
		}
	}
	answers := s.Start(t, s.HAProxy.URL(), stage.Full(30_000, 2_000), stage.Full(1000, 1500)).Answers()
	stage.Until(t, time.Minute, func() string { return "all clicks at the broker" }, func() bool {
		return stage.Meter(t, s.Redirectors, "longtail_spool_clicks") == 0
	})
	messages, clicks := thrice(t, s, len(answers))
	f.StruckN("messages published three times", messages)
	stage.Whole(t, s.Cluster)
	found := s.Judge(t, s.Fresh(t, answers))
	f.Judged(found)
	again := stage.Meter(t, s.Workers, "longtail_clicks_duplicate_total")
	f.Note("%d clicks in them, %d found to be stored already", clicks, again)
	if clicks < len(answers) || again < 2*clicks {
		t.Errorf("%d clicks were issued, %d published three times, %d found to be stored already", len(answers), clicks, again)
	}
	stage.AllAnswered(t, found)
}

const clicksQueue = "longtail.clicks.1"

// thrice adds two copies to each message that waits in the queue with at least so many clicks, and returns how many
// messages and clicks it found. The originals are held meanwhile, so that no copy is copied, and go back into the queue when
// the connection ends.
func thrice(t *testing.T, s *stage.Stage, atLeast int) (messages, clicks int) {
	t.Helper()
	conn, err := amqp.Dial(s.RabbitMQ.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	if err := ch.Qos(math.MaxUint16, 0, false); err != nil { // without a limit a quorum queue gives 2000 messages
		t.Fatal(err)
	}
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	waiting, clicks := hold(t, ch, atLeast)
	var copies []*amqp.DeferredConfirmation
	for i := range waiting {
		for range 2 {
			copies = append(copies, put(t, ch, &waiting[i]))
		}
	}
	for _, c := range copies {
		if ok, err := c.WaitContext(t.Context()); err != nil || !ok || len(returns) > 0 {
			t.Fatalf("a copy was not taken: %v, %v", ok, err)
		}
	}
	return len(waiting), clicks
}

// hold takes messages with as many clicks out of the queue and acknowledges none.
func hold(t *testing.T, ch *amqp.Channel, atLeast int) (all []amqp.Delivery, clicks int) {
	t.Helper()
	deliveries, err := ch.ConsumeWithContext(t.Context(), clicksQueue, "hold", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for limit := time.After(5 * time.Minute); clicks < atLeast; {
		select {
		case d := <-deliveries:
			n, _ := d.Headers["clicks"].(int32)
			all, clicks = append(all, d), clicks+int(n)
		case <-limit:
			t.Fatalf("messages in the queue have %d clicks; want %d", clicks, atLeast)
		}
	}
	if err := ch.Cancel("hold", false); err != nil {
		t.Fatal(err)
	}
	return all, clicks
}

// put publishes a copy of a message as it was first published.
func put(t *testing.T, ch *amqp.Channel, d *amqp.Delivery) *amqp.DeferredConfirmation {
	t.Helper()
	headers := amqp.Table{}
	for name, value := range d.Headers {
		if !strings.HasPrefix(name, "x-") { // the broker's own
			headers[name] = value
		}
	}
	confirm, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", clicksQueue, true, false, amqp.Publishing{
		ContentType: d.ContentType, Type: d.Type, DeliveryMode: amqp.Persistent, MessageId: d.MessageId, Timestamp: d.Timestamp,
		Headers: headers, Body: d.Body,
	})
	if err != nil {
		t.Fatal(err)
	}
	return confirm
}
