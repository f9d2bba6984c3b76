package faults

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/shared/queue/rabbit"
)

// inHand is the window of the worker that is killed: messages that it holds unacknowledged.
const inHand = 20

// A worker is killed 25 times with its window full of good clicks, none of which it can store: somebody holds the table.
func TestD16KilledWithAFullWindow(t *testing.T) {
	t.Parallel() // it has a cluster of its own
	crashLoop(t, "D16", false)
}

// The same where an operator's policy lets the broker give a message up after 20 deliveries: it goes to the dead queue,
// from which the worker takes it back.
func TestD16KilledWithAFullWindowAndALimit(t *testing.T) {
	t.Parallel()
	crashLoop(t, "D16b", true)
}

func crashLoop(t *testing.T, id string, limited bool) {
	t.Helper()
	f := stage.NewFault(t, id)
	s := stage.On(t, stage.Own(t, stack.Options{Redirectors: 1, Workers: 1, Settings: map[string]string{
		"LONGTAIL_PREFETCH": fmt.Sprint(inHand), "LONGTAIL_BATCH_AGE": "100ms",
	}}))
	kills, limit := stage.Full(25, 9), stage.Full(20, 4)
	if limited {
		_, err := s.RabbitMQ.Control(stage.Within(t, 30*time.Second), "set_policy", "limit", "^longtail\\.clicks", fmt.Sprintf(`{"delivery-limit":%d}`, limit), "--apply-to", "queues")
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("mysql", s.MySQL.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	worker := s.Workers[0]
	ch := channel(t, s.RabbitMQ.URL())
	plan := f.Blows(kills, 1, stage.Full(500*time.Millisecond, 60*time.Millisecond), 0)
	back := 0 // by every incarnation: a counter dies with its process
	found := s.Strike(t, stage.People{AtLeast: stage.Full(10_000, 500), PerSecond: 200}, func() {
		unlock := lockClicks(t, db)
		for _, b := range plan {
			fullWindow(t, ch)
			stage.Pass(t, b.After)
			back += stage.Meter(t, s.Workers, "longtail_amqp_taken_back_total")
			stage.Kill(t, worker.Process)
			f.Struck("worker killed with a full window")
			stage.Start(t, worker.Process)
		}
		unlock()
	})
	f.Judged(found)
	tried := number(t, db, "SELECT COALESCE(MAX(n), 0) FROM attempts")
	dead := number(t, db, "SELECT COUNT(*) FROM dead_letters")
	back += stage.Meter(t, s.Workers, "longtail_amqp_taken_back_total")
	alone := stage.Meter(t, s.Workers, "longtail_quarantine_messages_total")
	f.Note("dead letters %d; messages taken back from the dead queue %d; tried click by click %d messages, a click at most %d times", dead, back, alone, tried)
	if dead != 0 {
		t.Errorf("%d good clicks were set aside", dead)
	}
	f.StruckN("messages that came too often", alone)
	if alone == 0 || limited && back == 0 {
		t.Errorf("messages tried alone %d, taken back %d: the kills did not reach that far", alone, back)
	}
}

// fullWindow waits until the worker is subscribed and the broker gives it no more, though more is there.
func fullWindow(t *testing.T, ch *amqp.Channel) {
	t.Helper()
	var q amqp.Queue
	held := 0
	stage.Until(t, time.Minute, func() string { return fmt.Sprintf("a full window: %+v", q) }, func() bool {
		var err error
		if q, err = ch.QueueDeclarePassive(rabbit.ClicksQueue, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		if held++; q.Consumers != 1 || q.Messages == 0 {
			held = 0
		}
		return held == 3 // looks, one after the other
	})
}

// lockClicks lets nobody read or write the table of clicks until what it returns is called.
func lockClicks(t *testing.T, db *sql.DB) (unlock func()) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	run := func(statement string) {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run("LOCK TABLES clicks WRITE")
	return func() { run("UNLOCK TABLES") }
}
