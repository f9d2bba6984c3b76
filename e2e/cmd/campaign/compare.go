package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// modes in the order of the comparison.
var modes = []string{"longtail", "uncached", "naive"}

// compare runs the same campaign in all modes, one after the other, on the same database.
func (o *runCommand) compare(ctx context.Context) error {
	if o.DB == "" || o.API == "" {
		return errors.New("--compare needs the API and the database")
	}
	var all []*outcome
	broken := false
	for _, mode := range modes {
		out, err := o.once(ctx, mode)
		if err != nil {
			return fmt.Errorf("mode %s: %w", mode, err)
		}
		out.print(os.Stdout)
		fmt.Println()
		if mode == "longtail" {
			broken = out.broken()
			if o.Chart != "" {
				if err := out.draw(o.Chart); err != nil {
					return err
				}
			}
		}
		all = append(all, out)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	printComparison(os.Stdout, all)
	if broken {
		return errBroken
	}
	return nil
}

// printComparison tells what the first hour cost the database in each mode, by its own counters.
func printComparison(w io.Writer, all []*outcome) {
	first := all[0]
	clicks := float64(first.Clicks) * first.curve.Share(1)
	fmt.Fprintf(w, "first hour, %s clicks in %v: the database's own counters, everything included\n\n", comma(int(clicks+0.5)), first.hour)
	fmt.Fprintf(w, "%-34s", "")
	for _, o := range all {
		fmt.Fprintf(w, "%12s", o.mode)
	}
	fmt.Fprintln(w)
	line := func(name string, value func(o *outcome) string) {
		fmt.Fprintf(w, "%-34s", name)
		for _, o := range all {
			fmt.Fprintf(w, "%12s", value(o))
		}
		fmt.Fprintln(w)
	}
	counter := func(names ...string) func(o *outcome) float64 {
		return func(o *outcome) float64 {
			n := 0.0
			for _, name := range names {
				n += float64(o.firstHour[name])
			}
			return n
		}
	}
	naive := all[len(all)-1]
	for _, l := range []struct {
		name string
		of   func(o *outcome) float64
	}{
		{"lookups (Com_select)", counter("Com_select")},
		{"inserts (Com_insert)", counter("Com_insert")},
		{"lookups and inserts", counter("Com_select", "Com_insert")},
		{"all statements (Questions)", counter("Questions")},
	} {
		line(l.name, func(o *outcome) string { return comma(int(l.of(o))) })
		line("  a second", func(o *outcome) string { return fmt.Sprintf("%.1f", l.of(o)/o.hour.Seconds()) })
		line("  for each click", func(o *outcome) string { return fmt.Sprintf("%.3f", l.of(o)/clicks) })
		line("  naive is this many times", func(o *outcome) string { return fmt.Sprintf("%.1f", l.of(naive)/l.of(o)) })
	}
	line("302 p99 since due", func(o *outcome) string { return short(o.latency.P99) })
	line("302 max since due", func(o *outcome) string { return short(o.latency.Max) })
	line("answered", func(o *outcome) string { return comma(o.tally.Answered) })
	line("lost", func(o *outcome) string { return comma(o.tally.Lost) })
}
