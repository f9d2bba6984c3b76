package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"longtail/e2e/curve"
	"longtail/e2e/evidence"
	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/platform"
)

// finished is a campaign of 1,000 clicks that went well, with the counters that its mode costs.
func finished(t *testing.T, mode string, selects, inserts int64) *outcome {
	t.Helper()
	r := pipeline(t, 1000, 1000)
	r.runCommand = &runCommand{Clicks: 1000, Recipients: 50, InsertRateWindows: true}
	r.mode, r.curve, r.hour = mode, curve.NewLongTail(), 10*time.Second
	r.due = curve.Arrivals(r.curve, r.Clicks, r.hour, 1)
	o := &outcome{run: r, start: time.UnixMilli(1_000_000), compared: true, tally: &oracle.Tally{Issued: 1000, Answered: 1000, Rows: 1000}}
	for i := range r.due {
		o.answers = append(o.answers, load.Answer{Due: r.due[i], Sent: r.due[i], Done: r.due[i] + 3*time.Millisecond, Fate: load.Answered, Status: 302})
		o.rows = append(o.rows, oracle.Row{InsertedMS: o.start.Add(r.due[i] + time.Second).UnixMilli()})
	}
	o.latency = load.Latencies(o.answers, load.Answer.Latency)
	o.firstHour = evidence.Counters{"Com_select": selects, "Com_insert": inserts, "Questions": selects + inserts}
	o.whole, o.wholeTime = o.firstHour, time.Minute
	o.balance = platform.Balance{Answered: 1000, Stored: 1000}
	o.results.Clicks = 1000
	return o
}

func TestReport(t *testing.T) {
	var text bytes.Buffer
	o := finished(t, "longtail", 20, 30)
	o.print(&text)
	for _, want := range []string{
		"800 clicks in the first, mean 80 a second", "answered 1000, rows 1000, lost 0, duplicated 0, unexpected 0, recovered 0",
		"Com_insert                  30         3.0            30", "3.00 ms", "balance: answered 1,000 = stored 1,000", "no backlog",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the report:\n%s", want, text.String())
		}
	}
	if o.broken() {
		t.Error("a campaign that went well is called broken")
	}
}

func TestComparison(t *testing.T) {
	var text bytes.Buffer
	printComparison(&text, []*outcome{finished(t, "longtail", 20, 30), finished(t, "uncached", 800, 40), finished(t, "naive", 800, 800)})
	for _, want := range []string{
		"lookups (Com_select)                        20         800         800",
		"inserts (Com_insert)                        30          40         800",
		"  naive is this many times                40.0         1.0         1.0",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the comparison:\n%s", want, text.String())
		}
	}
}

// The picture counts what the report counts.
func TestChartShowsTheRun(t *testing.T) {
	o := finished(t, "longtail", 20, 30)
	for s := range 80 {
		o.samples = append(o.samples, evidence.Sample{At: time.Duration(s) * time.Second, Counters: evidence.Counters{"Questions": int64(40 * s)}})
	}
	c := o.chart()
	if len(c.Panels) != 3 {
		t.Fatalf("%d panels", len(c.Panels))
	}
	for _, s := range c.Panels[0].Series {
		sum := 0.0
		for _, v := range s.Values {
			sum += v * c.Step.Seconds()
		}
		if sum < 999.9 || sum > 1000.1 {
			t.Errorf("%s: %.1f clicks in the picture, want 1,000", s.Label, sum)
		}
	}
	waiting := c.Panels[1].Series[0].Values
	if most := slices.Max(waiting); most < 100 || waiting[len(waiting)-1] > 0.1 {
		t.Errorf("at most %.0f wait, at the end %.1f", most, waiting[len(waiting)-1])
	}
	if v := c.Panels[2].Series[1].Values; slices.Max(v) != 40 || slices.Min(v[:len(v)-1]) != 40 {
		t.Errorf("statements %v, want 40 a second", v)
	}
}
