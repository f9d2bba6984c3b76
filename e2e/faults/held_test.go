package faults

import (
	"os"
	"strings"
	"testing"
	"time"

	"longtail/e2e/stage"
)

// The broker's own limits of a delivery without an acknowledgement, as it has them after a start.
const (
	deliveryLimit = 30 * time.Minute
	deliveryLooks = time.Minute
)

// The database is away for longer than the broker lets a worker hold messages: it closes the channels and gives the
// messages out again, and again. A worker connects once for each such limit, and in the end every click is one row.
func TestD19HeldBeyondTheConsumerTimeout(t *testing.T) {
	f := stage.NewFault(t, "D19")
	s := stage.For(t)
	impatient(t, s, stage.Full(time.Minute, 2*time.Second), stage.Full(time.Minute, time.Second))
	defer impatient(t, s, deliveryLimit, deliveryLooks)
	away := stage.Full(200*time.Second, 5*time.Second)
	const rate = 100
	connected, timeouts := 0, 0
	generations := func() int { return stage.Meter(t, s.Workers, "longtail_amqp_generation", `role="consume"`) }
	answers := s.Clicking(t, stage.People{AtLeast: int(away.Seconds()+2) * rate, PerSecond: rate}, func() {
		stage.Pass(t, time.Second)
		connected = generations()
		before := overdue(t, s)
		stage.Kill(t, s.MySQL.Process)
		stage.Pass(t, away)
		connected, timeouts = generations()-connected, overdue(t, s)-before
		stage.Start(t, s.MySQL.Process)
	})
	f.StruckN("channels closed for a delivery held too long", timeouts)
	caught := s.CaughtUp(t)
	found := s.Judge(t, s.Fresh(t, answers))
	f.Judged(found)
	f.Note("the database was away for %v, workers connected again %d times; caught up in %v", away, connected, caught)
	if connected > timeouts {
		t.Errorf("workers connected again %d times for %d timeouts", connected, timeouts)
	}
	stage.AllAnswered(t, found)
}

// impatient sets the broker's limit and lets the workers begin anew, whose channels then have it.
func impatient(t *testing.T, s *stage.Stage, limit, every time.Duration) {
	t.Helper()
	if err := s.RabbitMQ.ImpatientWith(stage.Within(t, 20*time.Second), limit.Milliseconds(), every.Milliseconds()); err != nil {
		t.Fatal(err)
	}
	stage.Kill(t, processes(s.Workers)...)
	stage.Whole(t, s.Cluster)
}

// overdue counts in the broker's log the channels that it has closed because a delivery was held for too long.
func overdue(t *testing.T, s *stage.Stage) int {
	t.Helper()
	log, err := os.ReadFile(s.RabbitMQ.LogPath)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(log), "has timed out waiting for")
}
