package stories

import (
	"context"
	"testing"
	"time"

	"longtail/e2e/stack"
)

// blows kills a process again and again while people click, and brings it back after it was away for a while.
func blows(t *testing.T, p *stack.Process, times int, away time.Duration) func(context.Context) {
	return func(ctx context.Context) {
		t.Helper()
		for range times {
			pass(t, 700*time.Millisecond)
			if err := p.Kill9(); err != nil {
				t.Fatal(err)
			}
			pass(t, away)
			if err := p.Launch(); err != nil {
				t.Fatal(err)
			}
			back, cancel := context.WithTimeout(ctx, 40*time.Second)
			if err := p.WaitReady(back); err != nil {
				t.Fatal(err)
			}
			cancel()
		}
	}
}

// allAnswered demands that people noticed nothing.
func allAnswered(t *testing.T, found tally) {
	t.Helper()
	if found.answered != found.sent {
		t.Errorf("%d of %d people were not redirected: %v", found.sent-found.answered, found.sent, found)
	}
}

func TestKilledWorkersLoseNothing(t *testing.T) {
	s := stageFor(t)
	answers := s.strike(t, 1600, 200, func(ctx context.Context) {
		for _, w := range s.Workers {
			blows(t, w.Process, 1, 0)(ctx)
		}
	})
	allAnswered(t, s.judge(t, answers))
}

func TestKilledRedirectorsLoseNothing(t *testing.T) {
	s := stageFor(t)
	answers := s.strike(t, 2000, 200, func(ctx context.Context) {
		for range 2 {
			for _, r := range s.Redirectors {
				blows(t, r.Process, 1, 100*time.Millisecond)(ctx)
				if err := s.HAProxy.Balances(within(t, 10*time.Second), 2); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	found := s.judge(t, answers)
	if found.unknown+found.other > found.sent/20 {
		t.Errorf("more than one in twenty people got nothing, with a second redirector there: %v", found)
	}
}

func TestKilledRabbitMQLosesNothing(t *testing.T) {
	s := stageFor(t)
	answers := s.strike(t, 4000, 200, func(ctx context.Context) { blows(t, s.RabbitMQ.Process, 1, time.Second)(ctx) })
	allAnswered(t, s.judge(t, answers))
}

func TestKilledMariaDBLosesNothing(t *testing.T) {
	s := stageFor(t)
	answers := s.strike(t, 2400, 200, func(ctx context.Context) { blows(t, s.MySQL.Process, 3, time.Second)(ctx) })
	allAnswered(t, s.judge(t, answers))
}

func TestKilledRedisIsNotNoticed(t *testing.T) {
	s := stageFor(t)
	answers := s.strike(t, 1200, 200, func(ctx context.Context) { blows(t, s.Redis.Process, 3, 500*time.Millisecond)(ctx) })
	allAnswered(t, s.judge(t, answers))
}
