package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// windowTime is how long the insert rate is measured, and within is how far it may be off.
const (
	windowTime = 10 * time.Second
	within     = 0.10
)

// window is the rows inserted in windowTime, from a moment since the start, while clicks waited.
type window struct {
	from time.Duration
	rows int
}

// windows counts the rows of every ten seconds, one beginning each second, throughout which there was a backlog: at each
// whole second in it, more clicks waited than are inserted in two seconds.
func (o *outcome) windows() []window {
	end := time.Duration(0)
	inserted := make([]time.Duration, 0, len(o.rows))
	for _, r := range o.rows {
		at := time.UnixMilli(r.InsertedMS).Sub(o.start)
		inserted, end = append(inserted, at), max(end, at)
	}
	answered := make([]time.Duration, 0, len(o.answers))
	for _, a := range o.answers {
		if a.Done > 0 {
			answered = append(answered, a.Done)
		}
	}
	slices.Sort(inserted)
	slices.Sort(answered)
	return backlogged(answered, inserted, end)
}

func backlogged(answered, inserted []time.Duration, end time.Duration) []window {
	before := func(times []time.Duration, at time.Duration) int {
		n, _ := slices.BinarySearch(times, at)
		return n
	}
	var all []window
	for from := time.Duration(0); from+windowTime <= end; from += time.Second {
		w := window{from, before(inserted, from+windowTime) - before(inserted, from)}
		busy := w.rows > 0
		for at := from; at <= from+windowTime && busy; at += time.Second {
			waiting := before(answered, at) - before(inserted, at)
			busy = waiting > w.rows*2*int(time.Second)/int(windowTime)
		}
		if busy {
			all = append(all, w)
		}
	}
	return all
}

// rates are the least, mean and most rows of windows.
func rates(windows []window) (least, most int, mean float64) {
	for i, w := range windows {
		if i == 0 || w.rows < least {
			least = w.rows
		}
		most = max(most, w.rows)
		mean += float64(w.rows) / float64(len(windows))
	}
	return least, most, mean
}

// expected is what the windows should hold: by the promised rate, or else their mean.
func (o *outcome) expected(mean float64) float64 {
	if o.InsertRate > 0 {
		return o.InsertRate * windowTime.Seconds()
	}
	return mean
}

// steady tells whether all windows are as they should be.
func (o *outcome) steady(windows []window) bool {
	least, most, mean := rates(windows)
	want := o.expected(mean)
	return float64(least) >= want*(1-within) && float64(most) <= want*(1+within)
}

func (o *outcome) printWindows(w io.Writer) {
	windows := o.windows()
	if len(windows) == 0 {
		fmt.Fprintln(w, "\ninsert rate     no backlog of ten seconds")
		return
	}
	least, most, mean := rates(windows)
	verdict := "all within 10 %"
	if !o.steady(windows) {
		verdict = "NOT all within 10 %"
	}
	first, last := windows[0].from, windows[len(windows)-1].from+windowTime
	fmt.Fprintf(w, "\nrows inserted in any 10 s with a backlog (from %.0f s to %.0f s, %d windows): least %s, mean %s, most %s; %s of %s\n",
		first.Seconds(), last.Seconds(), len(windows), comma(least), comma(int(mean+0.5)), comma(most), verdict, comma(int(o.expected(mean)+0.5)))
	for i := 0; i < len(windows); i += int(windowTime / time.Second) {
		fmt.Fprintf(w, "  %4.0f s  %6d\n", windows[i].from.Seconds(), windows[i].rows)
	}
}
