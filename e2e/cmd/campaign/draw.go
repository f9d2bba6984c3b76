package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"longtail/e2e/chart"
	"longtail/e2e/load"
)

// maxSteps bounds the points of a chart.
const maxSteps = 600

// draw writes the run as a picture.
func (o *outcome) draw(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(o.chart().WriteSVG(f), f.Close())
}

// chart shows what was answered beside what was stored, what waited in between, and what the database was asked.
func (o *outcome) chart() *chart.Chart {
	end := o.due[len(o.due)-1]
	for _, r := range o.rows {
		end = max(end, time.UnixMilli(r.InsertedMS).Sub(o.start))
	}
	step := time.Second / 4
	for end/step > maxSteps {
		step *= 2
	}
	step = max(step, min(time.Second, o.hour/30)) // steps much shorter than a curve's bends show noise
	n := int(end/step) + 1
	answered, stored, waiting := make([]float64, n), make([]float64, n), make([]float64, n)
	add := func(to []float64, at time.Duration) { to[max(0, min(n-1, int(at/step)))] += 1 / step.Seconds() }
	for _, a := range o.answers {
		if a.Fate == load.Answered {
			add(answered, a.Done)
		}
	}
	for _, r := range o.rows {
		add(stored, time.UnixMilli(r.InsertedMS).Sub(o.start))
	}
	sum := 0.0
	for i := range waiting {
		sum += (answered[i] - stored[i]) * step.Seconds()
		waiting[i] = max(0, sum)
	}
	c := &chart.Chart{
		Title:    fmt.Sprintf("A campaign of %s clicks: the burst, and what the database sees of it", comma(o.Clicks)),
		Subtitle: fmt.Sprintf("An hour of the campaign in %v, then the long tail; time since the first click", o.hour),
		Step:     step, Mark: o.hour, MarkLabel: "first hour: 80 % of the clicks",
		Panels: []chart.Panel{
			{Title: "Clicks a second", Height: 210, Series: []chart.Series{
				{Label: "answered", Color: "#2f6fde", Values: answered, Filled: true},
				{Label: "stored in the database", Color: "#d9480f", Values: stored},
			}},
			{Title: "Clicks waiting on disk and in the broker", Height: 90, Series: []chart.Series{
				{Label: "answered, not yet stored", Color: "#7048a8", Values: waiting, Filled: true},
			}},
		},
	}
	if o.Curve != "" || o.Demo {
		c.Mark = 0
	}
	if statements := o.statements(step, n); statements != nil {
		usual := make([]float64, n)
		for i := range usual {
			usual[i] = 2 * answered[i]
		}
		c.Panels = append(c.Panels, chart.Panel{Title: "Database statements a second", Height: 130, Series: []chart.Series{
			{Label: "a lookup and an insert per click would be", Color: "#9aa5b1", Values: usual, Dashed: true},
			{Label: "all statements, by the server's count", Color: "#0b7a53", Values: statements, Filled: true},
		}})
	}
	return c
}

// statements is what the server was asked, a second, by its own counter; nil when it has none.
func (o *outcome) statements(step time.Duration, n int) []float64 {
	if len(o.samples) < 2 {
		return nil
	}
	values := make([]float64, n)
	at := 1
	for i := range values {
		middle := time.Duration(i)*step + step/2
		for at < len(o.samples)-1 && o.samples[at].At < middle {
			at++
		}
		before, after := o.samples[at-1], o.samples[at]
		if span := (after.At - before.At).Seconds(); span > 0 {
			values[i] = max(0, float64(after.Counters["Questions"]-before.Counters["Questions"])/span)
		}
	}
	return values
}
