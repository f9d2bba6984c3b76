package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// A quantity is what a contender was measured by.
type quantity struct {
	of   string // the contender
	name string
}

// A line of the table compares two quantities. Without a reference it only tells ours.
type line struct {
	name      string
	unit      string
	goal      string // of the ratio
	ours, ref []float64
}

// compare makes a line of what the rounds brought.
func compare(name, unit, goal string, got results, ours, ref quantity) line {
	return line{name: name, unit: unit, goal: goal, ours: got.series(ours), ref: got.series(ref)}
}

// cost makes a line of CPU time for each click, without a reference.
func cost(name string, got results, ours quantity) line {
	return line{name: name, unit: "us/click", ours: got.series(ours)}
}

// ratio is the median of the rounds' ratios: what the machine did besides in one minute touched both of a round.
func (l line) ratio() float64 {
	n := min(len(l.ours), len(l.ref))
	ratios := make([]float64, n)
	for i := range ratios {
		ratios[i] = l.ours[i] / l.ref[i]
	}
	return median(ratios)
}

func printTable(out io.Writer, lines []line) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "name\tours\treference\tratio\tgoal\tours from..to\treference from..to\t")
	for _, l := range lines {
		ref, ratio, spread := "-", "-", "-"
		if len(l.ref) > 0 {
			ref, ratio, spread = figure(median(l.ref)), fmt.Sprintf("%.3f", l.ratio()), spreadOf(l.ref)
		}
		goal := l.goal
		if goal == "" {
			goal = "-"
		}
		fmt.Fprintf(w, "%s [%s]\t%s\t%s\t%s\t%s\t%s\t%s\t\n", l.name, l.unit, figure(median(l.ours)), ref, ratio, goal, spreadOf(l.ours), spread)
	}
	return w.Flush()
}

func spreadOf(series []float64) string {
	return figure(slices.Min(series)) + ".." + figure(slices.Max(series))
}

// figure shows three digits at least.
func figure(v float64) string {
	switch {
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func median(series []float64) float64 {
	if len(series) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(series))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
