package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"longtail/e2e/evidence"
	"longtail/e2e/load"
)

func comma(n int) string { return humanize.Comma(int64(n)) }

// print tells the whole outcome.
func (o *outcome) print(w io.Writer) {
	o.printCampaign(w)
	o.printTally(w)
	o.printLatency(w)
	o.printCounters(w)
	if o.compared && o.mode == "longtail" {
		o.printFigures(w)
	}
	if o.InsertRateWindows && o.compared {
		o.printWindows(w)
	}
	t := o.tally
	for _, example := range t.Examples {
		fmt.Fprintln(w, "  !", example)
	}
	if o.note != "" {
		fmt.Fprintln(w, "  !", o.note)
	}
	if o.compared {
		fmt.Fprintf(w, "\nanswered %d, rows %d, lost %d, duplicated %d, unexpected %d, recovered %d\n",
			t.Answered, t.Rows, t.Lost, t.Duplicated, t.Unexpected, t.Recovered)
	}
}

func (o *outcome) printCampaign(w io.Writer) {
	first, last := 0, o.due[len(o.due)-1]
	for _, at := range o.due {
		if at < o.hour {
			first++
		}
	}
	seconds := o.hour.Seconds()
	fmt.Fprintf(w, "%s, %s: %s clicks on %d links by %s recipients, seed %d\n",
		o.campaign.ID, o.mode, comma(o.Clicks), len(o.campaign.Links), comma(o.Recipients), o.Seed)
	fmt.Fprintf(w, "an hour in %v: %s clicks in the first, mean %s a second, peak %s; the last after %v\n\n",
		o.hour, comma(first), comma(int(float64(first)/seconds)), comma(int(float64(o.Clicks)*o.curve.Peak()/seconds)), last.Round(time.Second))
}

func (o *outcome) printTally(w io.Writer) {
	t := o.tally
	line := func(name string, n int, why string) { fmt.Fprintf(w, "%-16s%10s   %s\n", name, comma(n), why) }
	line("answered", t.Answered, "302 to the right place, received in full")
	if o.compared {
		line("rows", t.Rows, "in v_clicks")
		line("lost", t.Lost, "answered, and no row")
		line("duplicated", t.Duplicated, "rows beyond a click's first")
		line("unexpected", t.Unexpected, "rows that no request explains, or altered")
		line("recovered", t.Recovered, "rows of requests whose answer is not known")
	}
	line("unanswered", t.Unanswered, "sent, and no whole answer came")
	if t.NotSent > 0 {
		line("not sent", t.NotSent, "no connection, or interrupted")
	}
	if t.Astray > 0 {
		line("astray", t.Astray, "302 to a wrong place")
	}
	for _, status := range slices.Sorted(maps.Keys(t.Others)) {
		line(fmt.Sprintf("answer %d", status), t.Others[status], "")
	}
}

func (o *outcome) printLatency(w io.Writer) {
	fmt.Fprintf(w, "\n%-16s%10s%10s%10s%10s%10s\n", "302", "p50", "p90", "p99", "p99.9", "max")
	for _, line := range []struct {
		name string
		p    load.Percentiles
	}{{"since it was due", o.latency}, {"since it was sent", o.service}} {
		fmt.Fprintf(w, "%-17s", line.name)
		for _, d := range []time.Duration{line.p.P50, line.p.P90, line.p.P99, line.p.P999, line.p.Max} {
			fmt.Fprintf(w, "%10s", short(d))
		}
		fmt.Fprintln(w)
	}
}

// short is a duration in three digits or so.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// printCounters tells the database server's own counters, everything included.
func (o *outcome) printCounters(w io.Writer) {
	if o.whole == nil {
		return
	}
	fmt.Fprintf(w, "\n%-16s%14s%12s%14s\n", "database", "first "+o.hour.String(), "a second", "whole "+o.wholeTime.Round(time.Second).String())
	for _, name := range evidence.Names {
		first, rate := "-", "-"
		if o.firstHour != nil {
			first, rate = comma(int(o.firstHour[name])), fmt.Sprintf("%.1f", float64(o.firstHour[name])/o.hour.Seconds())
		}
		fmt.Fprintf(w, "%-16s%14s%12s%14s\n", name, first, rate, comma(int(o.whole[name])))
	}
}

func (o *outcome) printFigures(w io.Writer) {
	s, f, b := o.results, o.figures, o.balance
	fmt.Fprintf(w, "\nclicks: rows %s, v_click_minutes %s, stats %s; unique recipients: v_recipient_first %s, stats %s\n",
		comma(o.tally.Rows), comma(f.Sum()), comma(s.Clicks), comma(len(f.Recipients)), comma(s.UniqueRecipients))
	fmt.Fprintf(w, "balance: answered %s = stored %s + waiting %s + set aside %s",
		comma(b.Answered), comma(b.Stored), comma(b.Waiting), comma(b.SetAside))
	if !o.balanced() {
		fmt.Fprint(w, "  (DOES NOT FIT)")
	}
	fmt.Fprintln(w)
	if o.note == "" {
		fmt.Fprintf(w, "all counted and complete %s after the last answer\n", short(o.settled))
	}
	for _, gap := range s.Gaps {
		fmt.Fprintf(w, "gap: %s to %s, %s\n", gap.From, gap.To, gap.Reason)
	}
	if len(o.differences) > 0 {
		fmt.Fprintln(w, "DIFFERENCES:\n ", strings.Join(o.differences, "\n  "))
	}
}
