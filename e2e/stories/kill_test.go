package stories

import (
	"testing"
	"time"

	"longtail/e2e/stack"
)

// blow kills a process while people click, and brings it back after it was away for a while.
func blow(t *testing.T, p *stack.Process, away time.Duration) {
	t.Helper()
	pass(t, 700*time.Millisecond)
	if err := p.Kill9(); err != nil {
		t.Fatal(err)
	}
	pass(t, away)
	if err := p.Start(within(t, 40*time.Second)); err != nil {
		t.Fatal(err)
	}
}

func TestKilledWorkersLoseNothing(t *testing.T) {
	s := stageFor(t)
	allAnswered(t, s.strike(t, 1600, 200, func() {
		for _, w := range s.Workers {
			blow(t, w.Process, 0)
		}
	}))
}

func TestKilledRedirectorsLoseNothing(t *testing.T) {
	s := stageFor(t)
	found := s.strike(t, 2400, 200, func() {
		for _, r := range []*stack.Program{s.Redirectors[0], s.Redirectors[1], s.Redirectors[0]} {
			blow(t, r.Process, 100*time.Millisecond)
			if err := s.HAProxy.Balances(within(t, 10*time.Second), 2); err != nil {
				t.Fatal(err)
			}
		}
	})
	if nothing := found.Issued - found.Answered; nothing > found.Issued/20 {
		t.Errorf("%d of %d people got nothing, though a second redirector was there", nothing, found.Issued)
	}
}

func TestKilledRabbitMQLosesNothing(t *testing.T) {
	s := stageFor(t)
	allAnswered(t, s.strike(t, 3600, 200, func() { blow(t, s.RabbitMQ.Process, time.Second) }))
}

func TestKilledMariaDBLosesNothing(t *testing.T) {
	s := stageFor(t)
	allAnswered(t, s.strike(t, 2000, 200, func() {
		for range 3 {
			blow(t, s.MySQL.Process, 500*time.Millisecond)
		}
	}))
}

func TestKilledRedisIsNotNoticed(t *testing.T) {
	s := stageFor(t)
	allAnswered(t, s.strike(t, 1200, 200, func() {
		for range 3 {
			blow(t, s.Redis.Process, 300*time.Millisecond)
		}
	}))
}
