package faults

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/stage"
)

// p99 is what 99 of 100 people waited at most whose clicks were due in a part of the run.
func p99(answers []load.Answer, from, to time.Duration) time.Duration {
	return load.Latencies(stage.Between(answers, from, to), load.Answer.Latency).P99.Round(10 * time.Microsecond)
}

// The broker is killed with messages on their way in and out: what it did not confirm comes again, and what it had all
// the same is found to be stored.
func TestD3KilledBroker(t *testing.T) {
	f := stage.NewFault(t, "D3")
	s := stage.For(t)
	plan := f.Blows(stage.Full(10, 2), 1, stage.Full(4*time.Second, 1200*time.Millisecond), 300*time.Millisecond)
	again := stage.Meter(t, s.Redirectors, "longtail_clicks_republished_total")
	twice := stage.Meter(t, s.Workers, "longtail_clicks_duplicate_total")
	found := s.Strike(t, stage.People{AtLeast: stage.Full(40_000, 3_000), PerSecond: 500}, func() {
		fall(t, f, plan, s.RabbitMQ.Process)
	})
	again = stage.Meter(t, s.Redirectors, "longtail_clicks_republished_total") - again
	twice = stage.Meter(t, s.Workers, "longtail_clicks_duplicate_total") - twice
	f.Judged(found)
	f.Note("%d clicks published again, %d came from the broker twice or more", again, twice)
	// Few messages a second are on their way to the broker: a kill rarely falls between one and its confirm, but always on
	// some that workers hold.
	if again+twice == 0 {
		t.Error("no click was published again and none came twice: no kill fell on a message")
	}
	stage.AllAnswered(t, found)
}

// The broker is away for long: nobody notices, the spools keep everything and hand it over oldest first.
func TestD7BrokerAwayForLong(t *testing.T) {
	f := stage.NewFault(t, "D7")
	s := stage.For(t)
	calm, away := stage.Full(30*time.Second, time.Second), stage.Full(5*time.Minute, 3*time.Second)
	const rate = 500
	var waited int
	var drained time.Duration
	answers := s.Clicking(t, stage.People{AtLeast: int((calm + away).Seconds()) * rate, PerSecond: rate}, func() {
		stage.Pass(t, calm)
		stage.Kill(t, s.RabbitMQ.Process)
		stage.Pass(t, away)
		waited = stage.Meter(t, s.Redirectors, "longtail_spool_clicks")
		f.StruckN("clicks kept in spools", waited)
		stage.Start(t, s.RabbitMQ.Process)
		begin := time.Now()
		stage.Until(t, away+time.Minute, func() string { return "spools that are handed over" }, func() bool {
			return stage.Meter(t, s.Redirectors, "longtail_spool_clicks") < waited/20
		})
		drained = time.Since(begin)
	})
	caught := s.CaughtUp(t)
	found := s.Judge(t, s.Fresh(t, answers))
	f.Judged(found)
	stage.AllAnswered(t, found)
	f.Note("the broker was away for %v; 302 p99 %v before, %v meanwhile; handed over in %v, %.1f times as fast as they came, caught up in %v",
		away, p99(answers, 0, calm), p99(answers, calm, calm+away), drained.Round(time.Millisecond), float64(waited)/rate/drained.Seconds(), caught)
	oldestFirst(t, s, answers, calm, away)
}

// oldestFirst demands that the outage's first clicks were stored before its last ones.
func oldestFirst(t *testing.T, s *stage.Stage, answers []load.Answer, from, length time.Duration) {
	t.Helper()
	rows, err := s.DB.Rows(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	rows = slices.DeleteFunc(rows, func(r oracle.Row) bool {
		n, err := oracle.Number(r.UserAgent)
		return err != nil || n >= len(answers) || answers[n].Due < from || answers[n].Due >= from+length
	})
	slices.SortFunc(rows, func(a, b oracle.Row) int { return cmp.Compare(a.TimeMS, b.TimeMS) })
	stored := func(part []oracle.Row) (mean int64) {
		for _, r := range part {
			mean += r.InsertedMS
		}
		return mean / int64(max(1, len(part)))
	}
	tenth := len(rows) / 10
	if first, last := stored(rows[:tenth]), stored(rows[len(rows)-tenth:]); tenth == 0 || first > last {
		t.Errorf("of %d clicks in the outage the first tenth was stored %d ms after the last", len(rows), first-last)
	}
}
