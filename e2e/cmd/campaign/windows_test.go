package main

import (
	"testing"
	"time"
)

// times are n moments each second, for so many seconds from a start.
func times(from, seconds, n int) []time.Duration {
	var all []time.Duration
	for s := range seconds {
		for k := range n {
			all = append(all, time.Duration(from+s)*time.Second+time.Duration(k)*time.Second/time.Duration(n))
		}
	}
	return all
}

// A burst of 10,000 in two seconds drains at 100 a second: windows are found as long as two seconds' worth waits.
func TestWindowsOfABacklog(t *testing.T) {
	windows := backlogged(times(0, 2, 5000), times(0, 100, 100), 100*time.Second)
	if len(windows) == 0 {
		t.Fatal("no windows")
	}
	first, last := windows[0], windows[len(windows)-1]
	if first.from != time.Second || last.from != 87*time.Second {
		t.Errorf("windows from %v to %v, want 1s to 87s: at 98 s two seconds' worth is left", first.from, last.from)
	}
	if least, most, mean := rates(windows); least != 1000 || most != 1000 || mean < 999.9 || mean > 1000.1 {
		t.Errorf("rows %d to %d, mean %v, want 1,000", least, most, mean)
	}
}

func TestNoBacklogNoWindows(t *testing.T) {
	if w := backlogged(times(0, 60, 100), times(0, 60, 100), time.Minute); len(w) != 0 {
		t.Errorf("windows %v where nothing waited", w)
	}
	if w := backlogged(nil, nil, 0); len(w) != 0 {
		t.Errorf("windows %v of nothing", w)
	}
}

// A store that stands still and then hurries is not steady, whatever its mean.
func TestSteady(t *testing.T) {
	o := &outcome{run: &run{runCommand: &runCommand{}}}
	for name, tt := range map[string]struct {
		rows   []int
		rate   float64
		steady bool
	}{
		"as promised":           {[]int{5000, 4900, 5100, 5400}, 500, true},
		"too slow once":         {[]int{5000, 4400, 5000}, 500, false},
		"too fast once":         {[]int{5000, 5600, 5000}, 500, false},
		"steady at another":     {[]int{4000, 4000, 4000}, 500, false},
		"steady, none promised": {[]int{4000, 4100, 3900}, 0, true},
		"none promised":         {[]int{1000, 5000}, 0, false},
	} {
		var windows []window
		for _, n := range tt.rows {
			windows = append(windows, window{0, n})
		}
		if o.InsertRate = tt.rate; o.steady(windows) != tt.steady {
			t.Errorf("%s: steady %v", name, !tt.steady)
		}
	}
}
