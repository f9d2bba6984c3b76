package faults

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/e2e/wire"
	"longtail/shared/queue/rabbit"
)

// The queue is deleted while it is published to, always when nothing is in it: what the broker gives back, and confirms
// all the same, stays in the spool and is stored in the end. Then it is deleted with confirmed messages in it. Those are
// gone with their keeper, and Longtail says so: they stay in the balance as waiting, and complete_through stays before
// them.
func TestD14DeletedQueue(t *testing.T) {
	t.Parallel() // it has a cluster of its own
	f := stage.NewFault(t, "D14")
	var publishing *wire.Proxy
	c := stage.Own(t, stack.Options{
		Redirectors: 1, Workers: 1, Settings: map[string]string{"LONGTAIL_BATCH_AGE": "50ms"},
		Route: func(c *stack.Cluster) (routes map[string]string, err error) {
			if publishing, err = wire.Listen(fmt.Sprintf("127.0.0.1:%d", c.RabbitMQ.Port)); err != nil {
				return nil, err
			}
			t.Cleanup(func() { _ = publishing.Close() })
			return nil, nil
		},
	})
	redirector := c.Redirectors[0]
	c.Reroute(redirector, map[string]string{
		"LONGTAIL_AMQP_URL": strings.Replace(c.RabbitMQ.URL(), fmt.Sprint(c.RabbitMQ.Port), fmt.Sprint(publishing.Port()), 1),
	})
	if err := redirector.Term(stage.Within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	stage.Start(t, redirector.Process)
	if err := c.HAProxy.Balances(stage.Within(t, 20*time.Second), 1); err != nil {
		t.Fatal(err)
	}
	s := stage.On(t, c)
	ch := channel(t, c.RabbitMQ.URL())
	plan := f.Blows(stage.Full(100, 4), 1, 300*time.Millisecond, 0)
	returned := func() int { return stage.Meter(t, s.Redirectors, "longtail_amqp_returned_total") }
	found := s.Strike(t, stage.People{AtLeast: stage.Full(20_000, 1_000), PerSecond: 300}, func() {
		for _, b := range plan {
			stage.Pass(t, b.After)
			before := returned()
			publishing.Stall(wire.Up)
			emptied(t, s, ch)
			if _, err := ch.QueueDelete(rabbit.ClicksQueue, false, false, false); err != nil {
				t.Fatal(err)
			}
			publishing.Heal()
			stage.Until(t, 20*time.Second, func() string { return "a queue that was made anew" }, func() bool {
				_, err := waiting(t, c.RabbitMQ.URL())
				return err == nil
			})
			f.StruckN("messages given back", returned()-before)
			f.StruckN("queue deleted", 1)
		}
	})
	f.Judged(found)
	stage.AllAnswered(t, found)
	if n := returned(); n == 0 {
		t.Error("no message was given back")
	}
	t.Run("with clicks in it", func(t *testing.T) {
		f.Note("deleted with confirmed clicks in it: %s", lostWithTheQueue(t, c, ch))
	})
}

// emptied waits until the worker has taken, and acknowledged, all that is in the queue.
func emptied(t *testing.T, s *stage.Stage, ch *amqp.Channel) {
	t.Helper()
	for calm := 0; calm < 3; {
		stage.Pass(t, 40*time.Millisecond)
		q, err := ch.QueueDeclarePassive(rabbit.ClicksQueue, true, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if calm++; q.Messages > 0 || stage.Meter(t, s.Workers, "longtail_amqp_in_flight_messages", `role="consume"`) > 0 {
			calm = 0
		}
	}
}

// waiting tells how many messages wait in the queue; an error when there is none.
func waiting(t *testing.T, url string) (int, error) {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return 0, err
	}
	q, err := ch.QueueDeclarePassive(rabbit.ClicksQueue, true, false, false, false, nil)
	return q.Messages, err
}

// lostWithTheQueue deletes the queue while no worker takes from it, and tells how the figures show what was in it.
func lostWithTheQueue(t *testing.T, c *stack.Cluster, ch *amqp.Channel) string {
	t.Helper()
	const clicks = 100
	s := stage.On(t, c)
	worker := s.Workers[0]
	if err := worker.Term(stage.Within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	s.Start(t, s.HAProxy.URL(), clicks, 0).Answers()
	stage.Until(t, 20*time.Second, func() string { return "spools that are handed over" },
		func() bool { return stage.Meter(t, s.Redirectors, "longtail_spool_clicks") == 0 })
	if _, err := ch.QueueDelete(rabbit.ClicksQueue, false, false, false); err != nil {
		t.Fatal(err)
	}
	stage.Start(t, worker.Process)
	s.Fresh(t, nil)              // goes through the new queue
	stage.Pass(t, 3*time.Second) // longer than any figure lags behind
	b, err := s.API.Balance(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	results, err := s.API.Results(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	if b.Waiting != clicks || b.Answered != b.Stored+b.Waiting || b.Stored != 1 {
		t.Errorf("balance %+v; want %d waiting and one stored", b, clicks)
	}
	if since := results.CompleteThrough.Sub(begin); since > time.Second {
		t.Errorf("complete_through went %v past the first click that is gone", since)
	}
	writtenOff(t, s, clicks)
	return fmt.Sprintf("%d shown as waiting, complete_through stays before them until they are written off", b.Waiting)
}

// writtenOff is what an operator does about clicks that the broker lost: the redirector is started again, so that the feed
// of these clicks is signed off, and the feed is forgotten. The figures go on, and a gap says how many are missing.
func writtenOff(t *testing.T, s *stage.Stage, clicks int) {
	t.Helper()
	redirector := s.Redirectors[0]
	if err := redirector.Term(stage.Within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	stage.Start(t, redirector.Process)
	list, err := redirector.Run(stage.Within(t, 10*time.Second), "instances")
	if err != nil {
		t.Fatal(err)
	}
	feed := regexp.MustCompile(`([0-9a-f]{32}) +signed off .* true`).FindStringSubmatch(list)
	if feed == nil {
		t.Fatalf("instances names no feed that is signed off and holds complete_through back:\n%s", list)
	}
	stage.Until(t, 30*time.Second, func() string { return "the feed forgotten, once it was silent for 10 s" }, func() bool {
		_, err := redirector.Run(stage.Within(t, 10*time.Second), "instances", "forget", feed[1])
		return err == nil
	})
	var results platform.Results
	now := time.Now()
	stage.Until(t, 20*time.Second, func() string { return fmt.Sprintf("complete_through past now: %+v, %v", results, err) }, func() bool {
		results, err = s.API.Results(t.Context(), s.Crowd.ID)
		return err == nil && results.CompleteThrough.After(now)
	})
	if len(results.Gaps) != 1 || results.Gaps[0].Reason != "forgotten" || results.Gaps[0].Clicks == nil || *results.Gaps[0].Clicks != clicks {
		t.Errorf("gaps %+v; want one of %d clicks", results.Gaps, clicks)
	}
	if b, err := s.API.Balance(t.Context(), s.Crowd.ID); err != nil || b.Waiting != 0 || b.SetAside != clicks || b.Stored != 1 {
		t.Errorf("balance %+v, %v; want one stored and %d set aside", b, err, clicks)
	}
}
