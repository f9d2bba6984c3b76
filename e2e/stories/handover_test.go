package stories

import (
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// replace ends a program with TERM, as a deployment does, and starts it again.
func replace(t *testing.T, p *stack.Program) {
	t.Helper()
	if err := p.Term(stage.Within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if state := p.State(); !state.Success() {
		t.Errorf("%s ended with %v after TERM; want status 0", p.Name, state)
	}
	if err := p.Start(stage.Within(t, 30*time.Second)); err != nil {
		t.Fatal(err)
	}
}

func TestTermHandsOverAndNobodyNotices(t *testing.T) {
	s := stage.For(t)
	stage.AllAnswered(t, s.Strike(t, stage.People{AtLeast: 3000, PerSecond: 200}, func() {
		for _, r := range s.Redirectors {
			stage.Pass(t, 500*time.Millisecond)
			replace(t, r)
			if err := s.HAProxy.Balances(stage.Within(t, 10*time.Second), 2); err != nil {
				t.Fatal(err)
			}
		}
		for _, w := range s.Workers {
			replace(t, w)
		}
	}))
}

// stranded lets people click while the broker is away, so that all of it stays in the spools, and kills redirectors.
func stranded(t *testing.T, s *stage.Stage, url string, killed ...*stack.Program) func() {
	t.Helper()
	s.Warm(t)
	if err := s.RabbitMQ.Kill9(); err != nil {
		t.Fatal(err)
	}
	answers := s.Start(t, url, 400, 400).Answers()
	for _, r := range killed {
		if err := r.Kill9(); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		t.Helper()
		stage.AllAnswered(t, s.Judge(t, answers))
	}
}

func TestAdoptedSpoolOfARedirectorThatStaysAway(t *testing.T) {
	s := stage.For(t)
	gone, stays := s.Redirectors[0], s.Redirectors[1]
	judge := stranded(t, s, gone.URL(), gone)
	if err := s.RabbitMQ.Start(stage.Within(t, 40*time.Second)); err != nil {
		t.Fatal(err)
	}
	// The one that stays finds the free slot within 10 s and delivers what is in it.
	judge()
	if !stays.Alive() || gone.Alive() {
		t.Fatalf("alive: the one that stays %v, the one that was killed %v", stays.Alive(), gone.Alive())
	}
}

func TestAdoptedSpoolsOfTwoRedirectorsThatComeBack(t *testing.T) {
	s := stage.For(t)
	judge := stranded(t, s, s.HAProxy.URL(), s.Redirectors...)
	stage.Whole(t, s.Cluster)
	judge()
}
