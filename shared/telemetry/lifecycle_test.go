package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newLife() *Lifecycle { return NewLifecycle(slog.New(slog.DiscardHandler)) }

func TestStopRunsLastInFirstOut(t *testing.T) {
	life, errTwo := newLife(), errors.New("two is stuck")
	var order []string
	for _, name := range []string{"one", "two", "three"} {
		life.Defer(name, time.Second, func(context.Context) error {
			if order = append(order, name); name == "two" {
				return errTwo
			}
			return nil
		})
	}
	err := life.Stop(t.Context())
	if want := []string{"three", "two", "one"}; !slices.Equal(order, want) {
		t.Errorf("stopped %v, want %v", order, want)
	}
	if !errors.Is(err, errTwo) || !strings.Contains(err.Error(), "stop two: ") {
		t.Errorf("%v, want the error of two under its name", err)
	}
	if err := life.Stop(t.Context()); err != nil || len(order) != 3 {
		t.Errorf("stopped again: %v, %v", order, err)
	}
}

// Each part has its own limit: one that hangs takes nothing from those that were started before it.
func TestStopKeepsEachLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life := newLife()
		var left time.Duration
		life.Defer("patient", 3*time.Second, func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return nil
		})
		forever := make(chan struct{})
		life.Go("deaf", 5*time.Second, func(context.Context) error { <-forever; return nil })
		begin := time.Now()
		if err := life.Stop(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the limit of deaf", err)
		}
		if took := time.Since(begin); took != 5*time.Second || left != 3*time.Second {
			t.Errorf("took %v, want 5s; patient had %v, want 3s", took, left)
		}
		close(forever)
	})
}

func TestGoIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, ended := newLife(), false
		life.Go("loop", 5*time.Second, func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second) // its last work
			ended = true
			return ctx.Err()
		})
		if err := life.Stop(t.Context()); err != nil || !ended {
			t.Errorf("%v, ended %v; want a quiet end that was waited for", err, ended)
		}
		select {
		case err := <-life.Failed():
			t.Errorf("being stopped is no failure: %v", err)
		default:
		}
	})
}

func TestGoEndsTheProgram(t *testing.T) {
	life, errFirst := newLife(), errors.New("disk is gone")
	life.Go("loop", time.Second, func(context.Context) error { return errFirst })
	err := <-life.Failed()
	if !errors.Is(err, errFirst) || !strings.HasPrefix(err.Error(), "loop: ") {
		t.Errorf("%v, want loop: %v", err, errFirst)
	}
	life.Fail(errors.New("the first that was not asked for"))
	life.Fail(errors.New("the second"))
	if err := <-life.Failed(); err == nil || !strings.HasPrefix(err.Error(), "the first") {
		t.Errorf("%v, want the first", err)
	}
	if err := life.Stop(t.Context()); !errors.Is(err, errFirst) {
		t.Errorf("%v, want what the loop ended with", err)
	}
}

func TestServe(t *testing.T) {
	life := newLife()
	on, err := Listen(t.Context(), "LONGTAIL_DEBUG_ADDR", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	life.Serve("debug", time.Second, NewServer(http.NotFoundHandler()), on)
	addr := on.Addr().String()
	if err := Probe(t.Context(), addr, "/"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v, want 404", err)
	}
	if err := life.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr); err == nil {
		conn.Close()
		t.Error("the port is open after Stop")
	}
}

func TestServeThatEndsByItselfEndsTheProgram(t *testing.T) {
	life := newLife()
	on, err := Listen(t.Context(), "LONGTAIL_DEBUG_ADDR", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	on.Close()
	life.Serve("debug", time.Second, NewServer(http.NotFoundHandler()), on)
	if err := <-life.Failed(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, want %v", err, net.ErrClosed)
	}
	if err := life.Stop(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("stop: %v", err)
	}
}

func TestOffIsNotServed(t *testing.T) {
	life := newLife()
	if err := life.ListenAndServe(t.Context(), "LONGTAIL_PPROF_ADDR", "", Pprof()); err != nil || len(life.stops) != 0 {
		t.Errorf("%v, %d parts; want none", err, len(life.stops))
	}
}
