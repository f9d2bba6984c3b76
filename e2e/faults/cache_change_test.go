package faults

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"longtail/e2e/stage"
)

// Promises of an acknowledged change: it is seen on every instance within this.
const (
	withBus    = time.Second
	withoutBus = 2 * time.Second
)

// A change of a link, and how to tell that an instance serves it.
type change struct {
	path  string
	apply func(ctx context.Context) error // returns when it is acknowledged
	seen  func(r reply) bool
}

// A sight is when an instance was first seen to serve a change, after its acknowledgement.
type sight struct {
	instance int
	acked    time.Time
	fresh    time.Duration // until the first answer with the change was there
	stale    time.Duration // until the last click that was answered without it; less than 0 when none was
}

// observers watch changes on every instance. The zero value is ready.
type observers struct {
	mu     sync.Mutex
	sights []sight
	wg     sync.WaitGroup
}

// apply makes a change and watches it on every instance until all serve it, or giveUp is over.
func (o *observers) apply(t *testing.T, h *herd, c change) {
	t.Helper()
	if err := c.apply(t.Context()); err != nil {
		t.Errorf("%s: %v", c.path, err)
		return
	}
	acked := time.Now()
	for i := range h.all {
		o.wg.Go(func() { o.watch(t, h, i, acked, c) })
	}
}

// giveUp is how long an instance is watched for one change.
const giveUp = 10 * time.Second

func (o *observers) watch(t *testing.T, h *herd, instance int, acked time.Time, c change) {
	t.Helper()
	s := sight{instance: instance, acked: acked, stale: -1}
	for {
		sent := time.Since(acked)
		if c.seen(h.ask(t.Context(), instance, c.path)) {
			s.fresh = time.Since(acked)
			break
		}
		if s.stale, s.fresh = sent, sent; sent > giveUp {
			t.Errorf("%s is not as it was changed %v ago on %s", c.path, sent, h.all[instance].Name)
			break
		}
		// Closely at first; without the bus it takes long, and many are watched.
		<-time.After(min(10*time.Millisecond+sent/4, 40*time.Millisecond))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sights = append(o.sights, s)
}

// all waits for what is being watched and returns what was seen.
func (o *observers) all() []sight {
	o.wg.Wait()
	return o.sights
}

// judge holds sights against the bound that was promised for the moment of their acknowledgement.
func judge(t *testing.T, h *herd, all []sight, bound func(acked time.Time) time.Duration) {
	t.Helper()
	late := 0
	for _, s := range all {
		if limit := bound(s.acked); s.stale > limit {
			if late++; late <= 5 {
				t.Errorf("%s answered without a change %v after it was acknowledged; want at most %v", h.all[s.instance].Name, s.stale, limit)
			}
		}
	}
	if late > 5 {
		t.Errorf("and %d more like this", late-5)
	}
}

// staleness tells p50, p99 and max over all instances, and logs them for each.
func staleness(t *testing.T, h *herd, what string, all []sight) string {
	t.Helper()
	for i, p := range h.all {
		own := slices.DeleteFunc(slices.Clone(all), func(s sight) bool { return s.instance != i })
		t.Logf("%s on %s: %s", what, p.Name, percentiles(own))
	}
	return fmt.Sprintf("%s %s", what, percentiles(all))
}

func percentiles(all []sight) string {
	if len(all) == 0 {
		return "no edit"
	}
	took := make([]time.Duration, len(all))
	for i, s := range all {
		took[i] = s.fresh
	}
	slices.Sort(took)
	at := func(p int) time.Duration { return took[(len(took)-1)*p/100].Round(time.Millisecond) }
	return fmt.Sprintf("p50 %v p99 %v max %v (%d)", at(50), at(99), at(100), len(all))
}

// silent waits until no instance hears the bus any more, or all do.
func (h *herd) silent(t *testing.T, want bool) {
	t.Helper()
	n := 0
	if want {
		n = len(h.all)
	}
	silent := -1
	stage.Until(t, 10*time.Second, func() string { return fmt.Sprintf("bus silent for %d instances; it is for %d", n, silent) }, func() bool {
		silent = stage.Meter(t, h.all, "longtail_bus_silent")
		return silent == n
	})
}
