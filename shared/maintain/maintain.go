// Package maintain keeps the tables fit while clicks flow: day partitions ahead of time, raw clicks dropped behind the
// retention, delivered ranges folded together, suspects tried again.
//
// Place on the click's way: behind it. Of all the workers only the eldest of the pool does this; allinone does it for
// itself.
package maintain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"longtail/shared/click"
	"longtail/shared/telemetry"
)

// Store is what has to be kept fit. Every call is idempotent and safe to run on two workers at once.
type Store interface {
	EnsurePartitions(ctx context.Context, now time.Time, days int) error
	DropExpired(ctx context.Context, floorDay int32) error
	CompactRanges(ctx context.Context) error
	FoldFeeds(ctx context.Context) error
	// RunErasures takes recipients out whom somebody asked to erase; rest lies between its two passes over each.
	RunErasures(ctx context.Context, rest time.Duration) error
	// What nobody needs any more: counts of tries, rows of workers, remembered answers, jobs that were done long ago.
	DropAttempts(ctx context.Context) error
	ForgetWorkers(ctx context.Context) error
	DropOnce(ctx context.Context) error
	DropJobs(ctx context.Context) error
}

// DaysAhead is how many day partitions stand ready: a week, and a day for the worker that was away.
const DaysAhead = 8

// ErasureRest lies between the two passes of an erasure: a transaction that had not seen it is over by then.
const ErasureRest = time.Minute

// A Task is work done again and again.
type Task struct {
	Name  string
	Every time.Duration
	Limit time.Duration
	Run   func(context.Context) error
}

// Tasks returns the tables' own tasks.
func Tasks(store Store, retention time.Duration, now func() time.Time) []Task {
	return []Task{
		{"partitions", time.Hour, 5 * time.Minute, func(ctx context.Context) error {
			return store.EnsurePartitions(ctx, now(), DaysAhead)
		}},
		{"retention", time.Hour, 10 * time.Minute, func(ctx context.Context) error {
			return store.DropExpired(ctx, click.Day(now().Add(-retention).UnixMilli()))
		}},
		{"ranges", 5 * time.Second, time.Minute, store.CompactRanges},
		{"feeds", time.Hour, 5 * time.Minute, store.FoldFeeds},
		{"sweep", time.Hour, 5 * time.Minute, func(ctx context.Context) error {
			return errors.Join(store.DropAttempts(ctx), store.ForgetWorkers(ctx), store.DropOnce(ctx), store.DropJobs(ctx))
		}},
		{"erasures", 2 * time.Second, 2 * time.Minute, func(ctx context.Context) error { return store.RunErasures(ctx, ErasureRest) }},
	}
}

// Run does each task when it is due, one at a time, while leads says that it is this worker's turn, until ctx ends.
func Run(ctx context.Context, tasks []Task, leads func() bool, log *slog.Logger) error {
	log = log.With("component", "maintain")
	due := make([]time.Time, len(tasks))
	outages := make([]telemetry.Changed, len(tasks))
	for i := range tasks {
		outages[i] = telemetry.Changed{Log: log.With("task", tasks[i].Name), What: "a maintenance task does not succeed"}
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		for i := range tasks {
			if ctx.Err() == nil && leads() && !time.Now().Before(due[i]) {
				outages[i].Note(once(ctx, &tasks[i]))
				due[i] = time.Now().Add(tasks[i].Every)
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func once(ctx context.Context, t *Task) error {
	ctx, cancel := context.WithTimeout(ctx, t.Limit)
	defer cancel()
	if err := t.Run(ctx); err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	return nil
}
