package stack_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/e2e/stack"
)

func TestRabbitMQKeepsWhatItConfirmedWhenKilled(t *testing.T) {
	mq := stack.Private(t, stack.RabbitMQ)
	if exe, err := os.Readlink("/proc/" + strconv.Itoa(mq.PID()) + "/exe"); err != nil || filepath.Base(exe) != "beam.smp" {
		t.Fatalf("the process is %s, %v; want Erlang's machine itself", exe, err)
	}
	publish(t, mq, "kept", 10)
	if err := mq.Settled(within(t, 20*time.Second), "kept"); err != nil {
		t.Fatal(err)
	}
	if err := mq.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := mq.Start(within(t, 40*time.Second)); err != nil {
		t.Fatal(err)
	}
	conn, err := amqp.Dial(mq.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	kept, err := ch.ConsumeWithContext(within(t, 20*time.Second), "kept", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if _, ok := <-kept; !ok {
			t.Fatalf("messages after the kill = %d; want 10", i)
		}
	}
}

// publish declares a quorum queue and returns when n messages are confirmed.
func publish(t *testing.T, mq *stack.Broker, queue string, n int) {
	t.Helper()
	conn, err := amqp.Dial(mq.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	for range n {
		c, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", queue, true, false,
			amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("click")})
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := c.WaitContext(t.Context()); err != nil || !ok {
			t.Fatalf("confirmed: %v, %v", ok, err)
		}
	}
}

// An alarm that was raised blocks publishers, and they go on once it is over.
func TestRabbitMQInAlarmTakesNothing(t *testing.T) {
	mq := stack.Private(t, stack.RabbitMQ)
	if err := mq.Alarm(within(t, 20*time.Second), true); err != nil {
		t.Fatal(err)
	}
	conn, err := amqp.Dial(mq.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	blocking := conn.NotifyBlocked(make(chan amqp.Blocking, 2))
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.PublishWithContext(t.Context(), "", "nobody", false, false, amqp.Publishing{Body: []byte("click")}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		select {
		case b := <-blocking:
			if b.Active != want {
				t.Fatalf("blocked %v; want %v", b.Active, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("the broker does not say that blocked is %v", want)
		}
		if err := mq.Alarm(within(t, 20*time.Second), false); err != nil {
			t.Fatal(err)
		}
	}
}
