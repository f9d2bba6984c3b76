package stage

import (
	"context"
	"fmt"
	"maps"
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

// Main builds the programs, runs the tests and stops the cluster that they shared. It returns the exit status.
func Main(m *testing.M) int {
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

// shared is the cluster of all tests of a package that need nothing special: each of them leaves it whole.
var shared struct {
	once    sync.Once
	dir     string
	cluster *stack.Cluster
	err     error
}

// settings of every cluster here, unless the test says otherwise.
var settings = map[string]string{"LONGTAIL_API_RATE": "10000"}

// Cluster returns the shared cluster, of two redirectors on one volume and three workers, with everything in it alive
// and ready. When the test fails, the end of every process's log is in the output.
func Cluster(t *testing.T) *stack.Cluster {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "longtail-stories-"); shared.err != nil { //nolint:usetesting // it outlives the test
			return
		}
		if shared.err = stack.Install(); shared.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		begin := time.Now()
		shared.cluster, shared.err = stack.Start(ctx, stack.Options{
			Dir: shared.dir, Redirectors: 2, Workers: 3, SharedSpool: true, Settings: settings,
		})
		t.Logf("services, load balancer, two redirectors and three workers were ready after %v", time.Since(begin).Round(time.Millisecond))
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	tellOnFailure(t, shared.cluster)
	Whole(t, shared.cluster)
	return shared.cluster
}

// Own starts a cluster for one test, and stops it at the test's end. Its folder, when none is named, is a temporary one.
func Own(t *testing.T, o stack.Options) *stack.Cluster {
	t.Helper()
	if err := stack.Install(); err != nil {
		t.Fatal(err)
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	own := map[string]string{}
	for _, of := range []map[string]string{settings, o.Settings} {
		maps.Copy(own, of)
	}
	o.Settings = own
	c, err := stack.Start(Within(t, startLimit), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Logf("stop the cluster: %v", err)
		}
	})
	tellOnFailure(t, c)
	return c
}

func tellOnFailure(t *testing.T, c *stack.Cluster) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Tail(30))
		}
	})
}

// Whole brings back whatever is dead or paused, and returns when all of it is ready.
func Whole(t *testing.T, c *stack.Cluster) {
	t.Helper()
	ctx := Within(t, startLimit)
	for _, p := range c.Processes() {
		if err := p.Cont(); err != nil {
			t.Fatal(err)
		}
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
