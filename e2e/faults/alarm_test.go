package faults

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// graceLimit is how long a container is given after TERM, in compose.
const graceLimit = time.Minute

// closeLimit is how long a redirector may take to let go of everything once it no longer waits for the broker.
const closeLimit = 5 * time.Second

// The broker's memory alarm stops everything that is published: people do not notice, and a redirector that is told to
// end meanwhile ends in time.
func TestD15BrokerInAlarm(t *testing.T) {
	f := stage.NewFault(t, "D15")
	s := stage.For(t)
	calm, alarm := stage.Full(30*time.Second, time.Second), stage.Full(5*time.Minute, 2*time.Second)
	const rate = 400
	ends := s.Redirectors[f.Random.IntN(len(s.Redirectors))]
	f.Planned(ends.Name)
	var from, to time.Duration
	var ending string
	answers := s.Clicking(t, stage.People{AtLeast: int((calm + alarm).Seconds()) * rate, PerSecond: rate}, func() {
		begin := time.Now()
		stage.Pass(t, calm)
		from = time.Since(begin)
		raise(t, s, true)
		f.StruckN("redirectors blocked", len(s.Redirectors))
		stage.Pass(t, alarm)
		to = time.Since(begin)
		ending = endsInAlarm(t, s, ends.Process)
		stage.Start(t, ends.Process)
	})
	caught := s.CaughtUp(t)
	found := s.Judge(t, s.Fresh(t, answers))
	f.Judged(found)
	stage.AllAnswered(t, found)
	f.Note("302 p99 %v before, %v in the alarm; %s; caught up in %v", p99(answers, 0, from), p99(answers, from, to), ending, caught)
}

// raise raises the alarm, and returns once every redirector has noticed, or ends it.
func raise(t *testing.T, s *stage.Stage, raised bool) {
	t.Helper()
	if err := s.RabbitMQ.Alarm(stage.Within(t, 20*time.Second), raised); err != nil {
		t.Fatal(err)
	}
	if raised {
		stage.Until(t, 20*time.Second, func() string { return "redirectors that are blocked" }, func() bool {
			return stage.Meter(t, s.Redirectors, "longtail_amqp_blocked") == len(s.Redirectors)
		})
	}
}

// endsInAlarm tells one redirector to end while nothing can be published, and tells how long it took. In the part for make
// test the alarm is over 2 s later, since a redirector gives the broker 20 s.
func endsInAlarm(t *testing.T, s *stage.Stage, p *stack.Process) string {
	t.Helper()
	begin, exited := time.Now(), p.Exited()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	over := "and the alarm was over"
	select {
	case <-exited:
		over = "in the alarm"
	case <-time.After(stage.Full(graceLimit, 2*time.Second)):
	}
	raise(t, s, false)
	if err := p.Term(stage.Within(t, graceLimit-time.Since(begin))); err != nil {
		t.Fatal(err)
	}
	took := fmt.Sprintf("%s ended %v after TERM %s", p.Name, time.Since(begin).Round(10*time.Millisecond), over)
	if stage.Full(true, false) {
		letGo(t, p)
	}
	return took
}

// letGo demands that a redirector which has just ended did so soon after it gave up waiting for the broker.
func letGo(t *testing.T, p *stack.Process) {
	t.Helper()
	log := p.Tail(1 << 20)
	gaveUp := logged(t, log, "part=hand-over")
	last := logged(t, log, "")
	if took := last.Sub(gaveUp); took > closeLimit {
		t.Errorf("%s took %v to end after it gave up waiting for the broker; want %v", p.Name, took, closeLimit)
	}
}

// logged is the time of the last line that holds a text.
func logged(t *testing.T, log, text string) time.Time {
	t.Helper()
	for _, line := range slices.Backward(strings.Split(log, "\n")) {
		stamp, _, found := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		if at, err := time.Parse(time.RFC3339Nano, stamp); found && err == nil && strings.Contains(line, text) {
			return at
		}
	}
	t.Fatalf("no line of the log says %q", text)
	return time.Time{}
}
