package stack

import (
	"context"
	"os"
	"time"
)

// startLimit bounds the start of one service, an installation of its package not included.
const startLimit = 60 * time.Second

// T is what Private needs of a *testing.T.
type T interface {
	Helper()
	Cleanup(f func())
	Context() context.Context
	Failed() bool
	Fatal(args ...any)
	Logf(format string, args ...any)
	Name() string
}

// A Service can be stopped and tells what it has logged.
type Service interface {
	Close() error
	Tail(n int) string
}

// Private starts a service in a temporary folder for one test, and stops it at the test's end. When the test failed,
// the end of the service's log is in the test's.
func Private[S Service](t T, start func(ctx context.Context, dir string) (S, error)) S {
	t.Helper()
	if err := Install(); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "longtail-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	s, err := start(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of the log of %T:\n%s", s, s.Tail(50))
		}
		if err := s.Close(); err != nil {
			t.Logf("stop %T: %v", s, err)
		}
	})
	return s
}
