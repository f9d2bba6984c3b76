package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"longtail/e2e/loader"
)

// loadSeconds is how often a load that does not write to a terminal tells how far it is.
const loadSeconds = 10

// load fills the database with clicks of past campaigns, without anybody clicking.
func (o *runCommand) load(ctx context.Context) error {
	if o.DB == "" {
		if err := o.locate(); err != nil {
			return err
		}
	}
	begin := time.Now()
	loaded, err := loader.Load(ctx, loader.Options{
		DSN: o.DB, Clicks: o.Load, Seed: o.Seed, Campaigns: o.Campaigns, Links: o.Links, Recipients: o.Recipients, Days: o.Days,
		Progress: loading(o.Load, begin),
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nloaded %s clicks of %d campaigns over %d days in %v, %s a second; the largest is %s\n", comma(loaded.Clicks),
		len(loaded.Campaigns), o.Days, loaded.Took.Round(time.Second), comma(int(float64(loaded.Clicks)/loaded.Took.Seconds())), loaded.Campaigns[0])
	fmt.Println("bin/worker audit compares every counter with the rows")
	return nil
}

// loading returns what tells of a load's progress: on a terminal one line that changes each second, else one now and then.
func loading(whole int, begin time.Time) func(stored int) {
	end, every := "\n", loadSeconds
	if term.IsTerminal(int(os.Stderr.Fd())) { //nolint:gosec // a small number
		end, every = "\r", 1
	}
	calls := 0
	return func(stored int) {
		if calls++; calls%every != 0 {
			return
		}
		rate := float64(stored) / time.Since(begin).Seconds()
		left := time.Duration(0)
		if rate > 0 {
			left = time.Duration(float64(whole-stored) / rate * float64(time.Second)).Round(time.Second)
		}
		fmt.Fprintf(os.Stderr, "%12s of %s clicks  %3d %%  %8s a second  %v to go   %s",
			comma(stored), comma(whole), stored*100/whole, comma(int(rate)), left, end)
	}
}
