package faults

import (
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// fall lets each blow of a plan fall: the victim is killed with -9, stays away, and comes back.
func fall(t *testing.T, f *stage.Fault, plan []stage.Blow, victims ...*stack.Process) {
	t.Helper()
	for _, b := range plan {
		stage.Pass(t, b.After)
		victim := victims[b.Victim]
		stage.Kill(t, victim)
		f.Struck(victim.Name + " killed")
		stage.Pass(t, b.Away)
		stage.Start(t, victim)
	}
}

// processes are those of programs.
func processes(programs []*stack.Program) []*stack.Process {
	all := make([]*stack.Process, len(programs))
	for i, p := range programs {
		all[i] = p.Process
	}
	return all
}

// A worker is killed again and again in the middle of its batches.
func TestD1KilledWorkers(t *testing.T) {
	f := stage.NewFault(t, "D1")
	s := stage.For(t)
	plan := f.Blows(stage.Full(50, 8), len(s.Workers), stage.Full(3*time.Second, 800*time.Millisecond), 500*time.Millisecond)
	found := s.Strike(t, stage.People{AtLeast: stage.Full(100_000, 4_000), PerSecond: stage.Full(800, 400)}, func() {
		fall(t, f, plan, processes(s.Workers)...)
	})
	f.Judged(found)
	stage.AllAnswered(t, found)
}

// A redirector is killed again and again with clicks in its spool that the broker does not have yet.
func TestD2KilledRedirectors(t *testing.T) {
	f := stage.NewFault(t, "D2")
	s := stage.For(t)
	plan := f.Blows(stage.Full(50, 6), len(s.Redirectors), 1500*time.Millisecond, 500*time.Millisecond)
	found := s.Strike(t, stage.People{AtLeast: stage.Full(50_000, 3_000), PerSecond: 400}, func() {
		for _, b := range plan {
			fall(t, f, []stage.Blow{b}, processes(s.Redirectors)...)
			if err := s.HAProxy.Balances(stage.Within(t, 20*time.Second), len(s.Redirectors)); err != nil {
				t.Fatal(err)
			}
		}
	})
	f.Judged(found)
	if nothing := found.Issued - found.Answered; nothing > found.Issued/20 {
		t.Errorf("%d of %d people got nothing, though a second redirector was there", nothing, found.Issued)
	}
}

// The database is killed in the middle of commits.
func TestD4KilledDatabase(t *testing.T) {
	f := stage.NewFault(t, "D4")
	s := stage.For(t)
	plan := f.Blows(stage.Full(10, 3), 1, 3*time.Second, time.Second)
	found := s.Strike(t, stage.People{AtLeast: stage.Full(20_000, 3_000), PerSecond: 400}, func() {
		fall(t, f, plan, s.MySQL.Process)
	})
	f.Judged(found)
	stage.AllAnswered(t, found)
}

// Redis is killed: nobody notices.
func TestD5KilledRedis(t *testing.T) {
	f := stage.NewFault(t, "D5")
	s := stage.For(t)
	plan := f.Blows(stage.Full(10, 3), 1, 2*time.Second, time.Second)
	found := s.Strike(t, stage.People{AtLeast: stage.Full(20_000, 2_000), PerSecond: 400}, func() {
		fall(t, f, plan, s.Redis.Process)
	})
	f.Judged(found)
	stage.AllAnswered(t, found)
}
