// Package volume measures how long the API takes to answer about campaigns of a million clicks and of ten, and whether an
// export of a million rows leaves the server's memory as it was. It loads a private cluster through package loader, has
// every counter compared with the rows, and asks a real redirector over HTTP, one question after another.
package volume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"longtail/e2e/loader"
	"longtail/e2e/stack"
)

const (
	startLimit = 3 * time.Minute
	auditLimit = time.Hour
	catalogue  = "catalogue" // the campaign whose links are paged through
	perLink    = 100         // clicks of the installation for each link of the catalogue
	seed       = 1
)

// Options of the measurement.
type Options struct {
	Sizes    []int     // clicks, ascending: what is there of the size before is added to
	Requests int       // of each question at each size
	Dir      string    // where the cluster lives meanwhile; removed
	Log      io.Writer // progress
}

// Run measures at each size and prints one table. It fails when a counter differs from the rows, or an export from the
// number of clicks; never for a timing.
func Run(ctx context.Context, out io.Writer, o Options) (err error) {
	c, err := start(ctx, o.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, discard(c)) }()
	s := &site{cluster: c, o: o, out: out}
	for _, size := range o.Sizes {
		if err := s.grow(ctx, size); err != nil {
			return fmt.Errorf("load %d clicks: %w", size, err)
		}
		if err := s.measure(ctx); err != nil {
			return fmt.Errorf("ask at %d clicks: %w", size, err)
		}
		if size == o.Sizes[0] {
			if err := s.export(ctx); err != nil {
				return fmt.Errorf("export %d clicks: %w", size, err)
			}
		}
	}
	return s.print()
}

func start(ctx context.Context, dir string) (*stack.Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return stack.Start(ctx, stack.Options{Dir: dir, Redirectors: 1, Workers: 1, Settings: map[string]string{"LONGTAIL_API_RATE": "1000000"}})
}

// discard ends everything at once: nothing of it is needed any more.
func discard(c *stack.Cluster) error {
	for _, p := range c.Processes() {
		_ = p.Kill9()
	}
	return errors.Join(c.Close(), os.RemoveAll(c.Dir))
}

// A site is a cluster that is filled step by step, and what was measured on it.
type site struct {
	cluster *stack.Cluster
	o       Options
	out     io.Writer
	clicks  int
	asked   []asked
}

// grow loads what is missing to size, and has the counters compared with the rows.
func (s *site) grow(ctx context.Context, size int) error {
	dsn := s.cluster.MySQL.DSN()
	begin := time.Now()
	loaded, err := loader.Load(ctx, loader.Options{
		DSN: dsn, Clicks: size - s.clicks, Seed: seed + uint64(s.clicks), Campaigns: 8, Links: 20, Days: 30, //nolint:gosec // from 0
		Progress: func(stored int) {
			if time.Since(begin) > 10*time.Second {
				begin = time.Now()
				fmt.Fprintf(s.o.Log, "%d of %d clicks\n", s.clicks+stored, size)
			}
		},
	})
	if err != nil {
		return err
	}
	s.clicks = size
	fmt.Fprintf(s.out, "%d clicks in all: %d loaded in %v, %.0f a second; load %s\n", size, loaded.Clicks, loaded.Took.Round(time.Second),
		float64(loaded.Clicks)/loaded.Took.Seconds(), busyness())
	if err := loader.Catalogue(ctx, dsn, catalogue, size/perLink); err != nil {
		return err
	}
	return s.audit(ctx)
}

// audit lets worker audit compare every counter with the rows.
func (s *site) audit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, auditLimit)
	defer cancel()
	begin := time.Now()
	text, err := s.cluster.Workers[0].Run(ctx, "audit")
	fmt.Fprintf(s.out, "worker audit, %v: %s\n", time.Since(begin).Round(time.Second), strings.TrimSpace(text))
	return err
}

// busyness is the machine's load average of the last minute.
func busyness() string {
	text, err := os.ReadFile(filepath.Join("/proc", "loadavg"))
	if err != nil {
		return "not known"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}
