package curve

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s = %.4f, want %.4f within %v", what, got, want, within)
	}
}

// The figures of a campaign of 100,000 clicks, in its own time.
func TestLongTailFigures(t *testing.T) {
	c := NewLongTail()
	const n, hour = 100000, 3600.0
	near(t, "share of the first hour", c.Share(1), 0.8, 1e-12)
	near(t, "mean of the first hour", n*c.Share(1)/hour, 22.2, 0.05)
	near(t, "peak", n*c.Peak()/hour, 44.7, 0.05)
	near(t, "rate at its begin", n*c.Density(0)/hour, 44.7, 0.05)
	near(t, "whole", c.Share(c.End()), 1, 1e-12)
	near(t, "tau", c.tau, 0.6213, 0.0001)
}

// The same with an hour of 60 seconds, from the arrivals themselves.
func TestLongTailArrivals(t *testing.T) {
	const n, hour = 100000, 60 * time.Second
	c := NewLongTail()
	times := Arrivals(c, n, hour, 1)
	if len(times) != n {
		t.Fatalf("%d arrivals, want %d", len(times), n)
	}
	before := func(d time.Duration) int { i, _ := slices.BinarySearch(times, d); return i }
	if got := before(hour); got != 80000 {
		t.Errorf("%d in the first hour, want 80,000 exactly", got)
	}
	near(t, "peak", n*c.Peak()/60, 2682, 1)
	near(t, "arrivals of the first second", float64(before(time.Second)), 2682*(1-1/(2*37.3)), 100)
	near(t, "rate at 199 s", n*c.Density(199.0/60)/60, 13, 0.2)
	near(t, "arrivals of 10 s around 199 s", float64(before(204*time.Second)-before(194*time.Second)), 130, 40)
	if last := times[n-1]; last < 6*time.Minute || last > 7*time.Minute {
		t.Errorf("the last comes after %v, want about 7 minutes", last)
	}
}

// Arrivals are independent within a stratum: the number in a short time varies as that of a Poisson process does.
func TestArrivalsAreBursty(t *testing.T) {
	times := Arrivals(Constant(1), 100000, 100*time.Second, 7)
	counts := make([]float64, 20000) // 5 ms each, 5 arrivals on average
	for _, at := range times {
		counts[min(int(at/(5*time.Millisecond)), len(counts)-1)]++
	}
	mean, variance := 5.0, 0.0
	for _, k := range counts {
		variance += (k - mean) * (k - mean) / float64(len(counts))
	}
	near(t, "variance over mean", variance/mean, 1, 0.1)
}

func TestSeedDecides(t *testing.T) {
	c := NewLongTail()
	one, again, two := Arrivals(c, 5000, time.Minute, 1), Arrivals(c, 5000, time.Minute, 1), Arrivals(c, 5000, time.Minute, 2)
	if !slices.Equal(one, again) {
		t.Error("the same seed gave other times")
	}
	if slices.Equal(one, two) {
		t.Error("another seed gave the same times")
	}
}

func TestAnyNumberIsExact(t *testing.T) {
	for _, n := range []int{0, 1, 7, 999, 1001, 20000, 12345} {
		if got := len(Arrivals(NewLongTail(), n, time.Second, 3)); got != n {
			t.Errorf("%d arrivals, want %d", got, n)
		}
	}
}

func TestQuantileInvertsShare(t *testing.T) {
	points, err := Read(strings.NewReader("0s 0 # begins slowly\n\n10m 100\n1h 20\n90m 20\n2h 0\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Curve{"long tail": NewLongTail(), "points": points, "constant": Constant(3)} {
		for q := 0.0; q < 1; q += 0.001 {
			near(t, name, c.Share(c.Quantile(q)), q, 1e-9)
		}
		near(t, name+": end", c.Quantile(1), c.End(), 1e-6)
		sum := 0.0
		for x := 0.0005; x < c.End(); x += 0.001 {
			sum += c.Density(x) * 0.001
		}
		near(t, name+": area", sum, 1, 0.001)
	}
	near(t, "peak of points", points.Peak(), points.Density(1.0/6), 1e-9)
}

func TestReadNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"0s 1":               "two points",
		"0s 1\n5 3":          "line 2",
		"0s 1\n5m three":     "line 2",
		"0s 1\n5m 3 4":       "line 2",
		"1s 1\n5m 3":         "first point",
		"0s 1\n5m 3\n4m 3":   "point 3",
		"0s 1\n5m -3":        "cannot be",
		"0s 0\n5m 0\n10m 0 ": "no clicks",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}
