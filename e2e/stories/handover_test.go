package stories

import (
	"context"
	"testing"
	"time"
)

func TestTermHandsOverAndNobodyNotices(t *testing.T) {
	s := stageFor(t)
	answers := s.strike(t, 2400, 200, func(ctx context.Context) {
		for _, r := range s.Redirectors {
			pass(t, 500*time.Millisecond)
			if err := r.Term(within(t, 20*time.Second)); err != nil {
				t.Fatal(err)
			}
			if state := r.State(); !state.Success() {
				t.Errorf("%s ended with %v after TERM; want 0", r.Name, state)
			}
			if err := r.Start(within(t, 30*time.Second)); err != nil {
				t.Fatal(err)
			}
			if err := s.HAProxy.Balances(within(t, 10*time.Second), 2); err != nil {
				t.Fatal(err)
			}
		}
		for _, w := range s.Workers {
			if err := w.Term(within(t, 20*time.Second)); err != nil {
				t.Fatal(err)
			}
			if state := w.State(); !state.Success() {
				t.Errorf("%s ended with %v after TERM; want 0", w.Name, state)
			}
			if err := w.Start(within(t, 30*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
	})
	allAnswered(t, s.judge(t, answers))
}

func TestAdoptedSpoolOfARedirectorThatStaysAway(t *testing.T) {
	s := stageFor(t)
	s.warm(t)
	// With the broker away all clicks stay in the spools; then one redirector is killed with its own.
	if err := s.RabbitMQ.Kill9(); err != nil {
		t.Fatal(err)
	}
	gone, stays := s.Redirectors[0], s.Redirectors[1]
	answers := s.crowd.start(t.Context(), gone.URL(), 400, 400).Answers()
	if err := gone.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := s.RabbitMQ.Start(within(t, 40*time.Second)); err != nil {
		t.Fatal(err)
	}
	// The one that stays finds the free slot within 10 s and delivers what is in it.
	allAnswered(t, s.judge(t, answers))
	if !stays.Alive() || gone.Alive() {
		t.Fatalf("alive: the one that stays %v, the one that was killed %v", stays.Alive(), gone.Alive())
	}
}

func TestAdoptedSpoolsOfTwoRedirectorsThatComeBack(t *testing.T) {
	s := stageFor(t)
	s.warm(t)
	if err := s.RabbitMQ.Kill9(); err != nil {
		t.Fatal(err)
	}
	run := s.crowd.start(t.Context(), s.HAProxy.URL(), 400, 400)
	answers := run.Answers()
	for _, r := range s.Redirectors {
		if err := r.Kill9(); err != nil {
			t.Fatal(err)
		}
	}
	back, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for _, r := range s.Redirectors {
		if err := r.Launch(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.RabbitMQ.Start(back); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Redirectors {
		if err := r.WaitReady(back); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.HAProxy.Balances(back, 2); err != nil {
		t.Fatal(err)
	}
	allAnswered(t, s.judge(t, answers))
}
