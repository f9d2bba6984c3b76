//go:build compose

package compose

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// pace is how fast people click.
const pace = 200

func TestClicksAreExact(t *testing.T) {
	s := onStage(t)
	stage.AllAnswered(t, s.tell(t, 2000, "nothing struck", func() {}))
}

// A killed container stays away until somebody starts it: what it left in its spool is adopted by the others.
func TestKilledRedirector(t *testing.T) {
	s := onStage(t)
	found := s.tell(t, 3000, "a redirector killed, later started", func() {
		stage.Pass(t, 2*time.Second)
		gone := s.first(t, "redirector")
		s.must(t, project.Kill(s.step(t), gone))
		s.balances(t, redirectors-1)
		stage.Pass(t, 5*time.Second)
		s.must(t, project.Start(s.step(t), gone))
		s.balances(t, redirectors)
	})
	fewUnanswered(t, found)
}

// fewUnanswered demands that only those got nothing whose redirector died under them.
func fewUnanswered(t *testing.T, found *stage.Found) {
	t.Helper()
	if nothing := found.Issued - found.Answered; nothing > found.Issued/20 {
		t.Errorf("%d of %d people got nothing, though two more redirectors were there", nothing, found.Issued)
	}
}

// A crashed one is started again by the daemon, and delivers what it left itself.
func TestCrashedRedirectors(t *testing.T) {
	s := onStage(t)
	found := s.tell(t, 3000, "three redirectors crashed, one after the other", func() {
		for _, c := range s.all(t, "redirector") {
			stage.Pass(t, 2*time.Second)
			s.must(t, project.Crash(s.step(t), c))
			s.restarted(t, c)
			s.balances(t, redirectors)
		}
	})
	fewUnanswered(t, found)
}

func TestStoppedRedirector(t *testing.T) {
	s := onStage(t)
	stage.AllAnswered(t, s.tell(t, 3000, "a redirector stopped, later started", func() {
		stage.Pass(t, 2*time.Second)
		gone := s.first(t, "redirector")
		s.stop(t, gone)
		s.balances(t, redirectors-1)
		stage.Pass(t, 2*time.Second)
		s.must(t, project.Start(s.step(t), gone))
		s.balances(t, redirectors)
	}))
}

func TestWorkersKilledAndStopped(t *testing.T) {
	s := onStage(t)
	stage.AllAnswered(t, s.tell(t, 3000, "two workers killed, one stopped, later started", func() {
		stage.Pass(t, time.Second)
		all := s.all(t, "worker")
		for _, w := range all[:2] {
			s.must(t, project.Kill(s.step(t), w))
			stage.Pass(t, time.Second)
		}
		s.stop(t, all[2])
		stage.Pass(t, time.Second)
		for _, w := range all[:3] {
			s.must(t, project.Start(s.step(t), w))
		}
	}))
}

func TestScaledDownAndUp(t *testing.T) {
	s := onStage(t)
	stage.AllAnswered(t, s.tell(t, 4000, "scaled to 1 and 2, and up again", func() {
		stage.Pass(t, 2*time.Second)
		s.must(t, project.Scale(s.step(t), 1, 2))
		s.balances(t, 1)
		stage.Pass(t, 3*time.Second)
		s.must(t, project.Scale(s.step(t), redirectors, workers))
		s.balances(t, redirectors)
	}))
}

// What the broker and the database acknowledged is on their volumes.
func TestServicesKilled(t *testing.T) {
	s := onStage(t)
	stage.AllAnswered(t, s.tell(t, 4000, "RabbitMQ, MySQL and Redis killed, started at once", func() {
		for _, service := range []string{"rabbitmq", "mysql", "redis"} {
			stage.Pass(t, 2*time.Second)
			c := s.first(t, service)
			s.must(t, project.Kill(s.step(t), c))
			s.must(t, project.Start(s.step(t), c))
		}
	}))
}

// Down without --volumes and up again: an installation that was taken away knows what it knew.
func TestDownAndUp(t *testing.T) {
	s := onStage(t)
	answers := s.Clicking(t, stage.People{AtLeast: 1000, PerSecond: pace}, func() {})
	s.must(t, project.Compose(s.step(t), "down"))
	s.must(t, project.Scale(s.step(t), redirectors, workers))
	whole(t)
	s.reopen(t)
	found := s.Judge(t, s.Fresh(t, answers))
	row("down while clicks are on their way, and up again", found)
	stage.AllAnswered(t, found)
}

// stop ends a container with TERM; a program that handed everything over ends with status 0.
func (s *scene) stop(t *testing.T, c Container) {
	t.Helper()
	status, err := project.Stop(s.step(t), c)
	if err != nil {
		t.Fatal(err)
	}
	if status != "0" {
		t.Errorf("%s ended with status %s after TERM; want 0", c.Service, status)
	}
}

// restarted waits until the daemon has started a container anew.
func (s *scene) restarted(t *testing.T, c Container) {
	t.Helper()
	var now []Container
	stage.Until(t, stepLimit, func() string { return fmt.Sprintf("container %.12s started again: %+v", c.ID, now) }, func() bool {
		now = s.all(t, c.Service)
		return slices.ContainsFunc(now, func(n Container) bool { return n.ID == c.ID && n.State == "running" && n.Started.After(c.Started) })
	})
}

func (s *scene) step(t *testing.T) context.Context {
	t.Helper()
	return stage.Within(t, stepLimit)
}

func (s *scene) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// all are a service's running containers.
func (s *scene) all(t *testing.T, service string) []Container {
	t.Helper()
	all, err := project.Containers(s.step(t), service)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal(fmt.Errorf("the service %s has no container", service))
	}
	return all
}

func (s *scene) first(t *testing.T, service string) Container {
	t.Helper()
	return s.all(t, service)[0]
}

// balances waits until the load balancer has found n redirectors.
func (s *scene) balances(t *testing.T, n int) {
	t.Helper()
	if err := stack.Balances(s.step(t), project.PublicURL, n); err != nil {
		t.Fatal(err)
	}
}
