// Package stories tells what people live through with Longtail's built programs, and what must be true at the end. Each
// story runs on real processes: MariaDB, Redis, RabbitMQ and HAProxy, redirectors and workers, or allinone alone. An
// oracle that stands outside of them sends every click under a name of its own and compares what was answered with
// what was stored.
package stories

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"longtail/e2e/stack"
)

// Limits of what all stories share.
const (
	buildLimit = 5 * time.Minute
	startLimit = 90 * time.Second
)

func TestMain(m *testing.M) { os.Exit(tell(m)) }

// tell builds the programs, runs the stories and stops the cluster that they shared.
func tell(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	if err := stack.Build(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	status := m.Run()
	if shared.cluster != nil {
		if err := shared.cluster.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the cluster:", err)
			status = max(status, 1)
		}
	}
	_ = os.RemoveAll(shared.dir)
	return status
}

// shared is the cluster of all stories but allinone's: each of them leaves it whole.
var shared struct {
	once    sync.Once
	dir     string
	cluster *stack.Cluster
	err     error
}

// cluster returns the shared cluster, with everything in it alive and ready. When the story fails, the end of every
// process's log is in the output.
func cluster(t *testing.T) *stack.Cluster {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "longtail-stories-"); shared.err != nil { //nolint:usetesting // it outlives the story
			return
		}
		if shared.err = stack.Install(); shared.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		begin := time.Now()
		shared.cluster, shared.err = stack.Start(ctx, stack.Options{
			Dir: shared.dir, Redirectors: 2, Workers: 3, SharedSpool: true,
			Settings: map[string]string{"LONGTAIL_API_RATE": "10000"},
		})
		t.Logf("services, load balancer, two redirectors and three workers were ready after %v", time.Since(begin).Round(time.Millisecond))
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(shared.cluster.Tail(30))
		}
	})
	whole(t, shared.cluster)
	return shared.cluster
}

// whole brings back whatever an earlier story left dead.
func whole(t *testing.T, c *stack.Cluster) {
	t.Helper()
	ctx := within(t, startLimit)
	for _, p := range c.Processes() {
		if !p.Alive() {
			if err := p.Launch(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, p := range c.Processes() {
		if err := p.WaitReady(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.HAProxy.Balances(ctx, len(c.Redirectors)); err != nil {
		t.Fatal(err)
	}
}

// within bounds one step of a story.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// until looks again and again until is is true, and fails the story when it is not by then.
func until(t *testing.T, limit time.Duration, what func() string, is func() bool) {
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

// pass waits d of a story's own time, such as between two strikes.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}
