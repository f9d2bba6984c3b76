package faults

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"longtail/e2e/oracle"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// One message that nobody can decode lies in the queue among 10,000 good clicks: it is set aside once, the others are
// stored once, and those behind it hardly wait. With the broker as deployed, and with a policy that gives a message up
// after 20 deliveries. (That a hand-back does not count as one, as with RabbitMQ 4.3, changes nothing here: a worker
// refuses no message, it closes the channel.)
func TestD17OnePoisonMessage(t *testing.T) {
	f := stage.NewFault(t, "D17")
	c := stage.Own(t, stack.Options{Redirectors: 1, Workers: 1, Settings: map[string]string{"LONGTAIL_BATCH_SIZE": "500", "LONGTAIL_BATCH_AGE": "100ms"}})
	db, err := sql.Open("mysql", c.MySQL.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var notes string
	for i, limit := range []string{"no limit", "limit 20"} {
		if limit != "no limit" {
			_, err := c.RabbitMQ.Control(stage.Within(t, 30*time.Second), "set_policy", "limit", "^longtail\\.clicks", `{"delivery-limit":20}`, "--apply-to", "queues")
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Run(limit, func(t *testing.T) {
			found, batches, delay := poisoned(t, f, c, db)
			f.Judged(found)
			dead := number(t, db, "SELECT COUNT(*) FROM dead_letters WHERE reason = 'undecodable'")
			if dead != i+1 {
				t.Errorf("%d letters of %d poison messages", dead, i+1)
			}
			f.StruckN("set aside", dead-i)
			notes += fmt.Sprintf("%s: stored once %d, those behind the poison waited %d batches (%v); ", limit, found.Rows, batches, delay)
			if batches > 2 {
				t.Errorf("the clicks behind the poison waited for %d batches", batches)
			}
		})
	}
	f.Note("%s", notes)
}

// poisoned fills the queue while no worker runs, puts poison in the middle, and lets the worker go at it. It tells how
// many batches, and how long, lay between the last click before the poison and the first one behind it.
func poisoned(t *testing.T, f *stage.Fault, c *stack.Cluster, db *sql.DB) (found *stage.Found, batches int, delay time.Duration) {
	t.Helper()
	s := stage.On(t, c)
	worker := s.Workers[0]
	if err := worker.Term(stage.Within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	n, at := stage.Full(10_000, 1_000), f.Random.Int64N(1_000_000)
	f.Planned(n, at)
	half := s.Start(t, s.HAProxy.URL(), n, stage.Full(2000, 1000))
	stage.Until(t, time.Minute, func() string { return "half of the clicks" }, func() bool { return half.Progress() > n/2 })
	poison := time.Now()
	newPublisher(t, s.RabbitMQ.URL()).send(t, noClick(fmt.Sprintf("poison %d", at)), 1)
	answers := half.Answers()
	stage.Until(t, time.Minute, func() string { return "spools that are handed over" },
		func() bool { return stage.Meter(t, s.Redirectors, "longtail_spool_clicks") == 0 })
	stage.Start(t, worker.Process)
	found = s.Judge(t, s.Fresh(t, answers))
	rows, err := s.DB.Rows(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	batches, delay = waited(rows, poison)
	return found, batches, delay
}

// waited finds the transactions between the rows before a time and those after it.
func waited(rows []oracle.Row, at time.Time) (batches int, delay time.Duration) {
	var before, after, all []int64
	const near = 50 // milliseconds in which the order on the broker is not known
	for _, r := range rows {
		all = append(all, r.InsertedMS)
		if r.TimeMS < at.UnixMilli()-near {
			before = append(before, r.InsertedMS)
		} else if r.TimeMS > at.UnixMilli()+near {
			after = append(after, r.InsertedMS)
		}
	}
	last, next := slices.Max(before), slices.Min(after)
	slices.Sort(all)
	for _, ms := range slices.Compact(all) {
		if ms > last && ms <= next {
			batches++
		}
	}
	return batches, time.Duration(max(0, next-last)) * time.Millisecond
}
