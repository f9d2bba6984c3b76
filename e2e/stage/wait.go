package stage

import (
	"context"
	"syscall"
	"testing"
	"time"

	"longtail/e2e/stack"
)

// Within bounds one step of a test.
func Within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// Until looks again and again until is is true, and fails the test, telling what was awaited, when it is not by then.
func Until(t *testing.T, limit time.Duration, what func() string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(limit); !is(); {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what())
		case <-tick.C:
		}
	}
}

// Pass waits d of a test's own time, such as between two blows.
func Pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// Kill ends processes with -9, all of them within the same millisecond, and returns when they are gone.
func Kill(t *testing.T, all ...*stack.Process) {
	t.Helper()
	for _, p := range all {
		if err := p.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range all {
		if err := p.Kill9(); err != nil {
			t.Fatal(err)
		}
	}
}

// Start starts a service or program and returns when it is ready.
func Start(t *testing.T, p *stack.Process) {
	t.Helper()
	if err := p.Start(Within(t, 60*time.Second)); err != nil {
		t.Fatal(err)
	}
}
