package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"longtail/e2e/stack"
)

// supervised runs a supervisor over one real service.
func supervised(t *testing.T) (*supervisor, *stack.Cache) {
	t.Helper()
	r := stack.Private(t, stack.Redis)
	s := newSupervisor(filepath.Join(r.Dir, "pids"), []*stack.Process{r.Process}, io.Discard)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	until(t, time.Second, "the first pid file", func() bool { return noted(s, r) == r.PID() })
	return s, r
}

// noted is the id in the process's file, 0 without one.
func noted(s *supervisor, r *stack.Cache) int {
	text, _ := os.ReadFile(s.pidFile(r.Process))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// until waits for a condition.
func until(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(limit); !is(); {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		case <-tick.C:
		}
	}
}

func TestWhatIsKilledComesBackWithinTwoSeconds(t *testing.T) {
	s, r := supervised(t)
	for i := range 3 {
		before := r.PID()
		if err := r.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		until(t, 2*time.Second, fmt.Sprintf("kill %d: a new process in the pid file", i+1), func() bool {
			return noted(s, r) != before && noted(s, r) == r.PID() && r.Alive()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := r.WaitReady(ctx); err != nil { // on the same port
			t.Fatal(err)
		}
	}
}

func TestWhatIsStoppedStaysAwayUntilItIsStarted(t *testing.T) {
	s, r := supervised(t)
	for range 3 {
		if err := s.stop("redis"); err != nil {
			t.Fatal(err)
		}
		if r.Alive() || noted(s, r) != 0 {
			t.Fatalf("stopped: alive %v, pid file %d", r.Alive(), noted(s, r))
		}
		if err := s.start("redis"); err != nil {
			t.Fatal(err)
		}
		if !r.Alive() || noted(s, r) != r.PID() {
			t.Fatalf("started: alive %v, pid file %d, process %d", r.Alive(), noted(s, r), r.PID())
		}
	}
	if err := s.stop("nobody"); err == nil || !strings.Contains(err.Error(), "redis") {
		t.Fatalf("stop of an unknown name: %v; want the names there are", err)
	}
}

func TestWhatEndsByTermStaysAway(t *testing.T) {
	s, r := supervised(t)
	if err := r.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, 5*time.Second, "no pid file", func() bool { return noted(s, r) == 0 })
	if r.Alive() {
		t.Fatal("it came back after TERM")
	}
	if err := s.start("redis"); err != nil {
		t.Fatal(err)
	}
	before := r.PID()
	if err := r.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, 2*time.Second, "supervised again after a start by hand", func() bool { return r.Alive() && r.PID() != before })
}

func TestEnvOfTheClusterIsOneWordForShell(t *testing.T) {
	if got := quoted(`it's "a" $word`); got != `'it'\''s "a" $word'` {
		t.Fatal(got)
	}
}
