package stories

import (
	"testing"
	"time"

	"longtail/e2e/stack"
)

// replace ends a program with TERM, as a deployment does, and starts it again.
func replace(t *testing.T, p *stack.Program) {
	t.Helper()
	if err := p.Term(within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if state := p.State(); !state.Success() {
		t.Errorf("%s ended with %v after TERM; want status 0", p.Name, state)
	}
	if err := p.Start(within(t, 30*time.Second)); err != nil {
		t.Fatal(err)
	}
}

func TestTermHandsOverAndNobodyNotices(t *testing.T) {
	s := stageFor(t)
	allAnswered(t, s.strike(t, 3000, 200, func() {
		for _, r := range s.Redirectors {
			pass(t, 500*time.Millisecond)
			replace(t, r)
			if err := s.HAProxy.Balances(within(t, 10*time.Second), 2); err != nil {
				t.Fatal(err)
			}
		}
		for _, w := range s.Workers {
			replace(t, w)
		}
	}))
}

// stranded lets people click while the broker is away, so that all of it stays in the spools, and kills redirectors.
func (s *stage) stranded(t *testing.T, url string, killed ...*stack.Program) func() {
	t.Helper()
	s.warm(t)
	if err := s.RabbitMQ.Kill9(); err != nil {
		t.Fatal(err)
	}
	answers := s.start(t, url, 400, 400).Answers()
	for _, r := range killed {
		if err := r.Kill9(); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		t.Helper()
		allAnswered(t, s.judge(t, answers))
	}
}

func TestAdoptedSpoolOfARedirectorThatStaysAway(t *testing.T) {
	s := stageFor(t)
	gone, stays := s.Redirectors[0], s.Redirectors[1]
	judge := s.stranded(t, gone.URL(), gone)
	if err := s.RabbitMQ.Start(within(t, 40*time.Second)); err != nil {
		t.Fatal(err)
	}
	// The one that stays finds the free slot within 10 s and delivers what is in it.
	judge()
	if !stays.Alive() || gone.Alive() {
		t.Fatalf("alive: the one that stays %v, the one that was killed %v", stays.Alive(), gone.Alive())
	}
}

func TestAdoptedSpoolsOfTwoRedirectorsThatComeBack(t *testing.T) {
	s := stageFor(t)
	judge := s.stranded(t, s.HAProxy.URL(), s.Redirectors...)
	whole(t, s.Cluster)
	judge()
}
