package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"longtail/e2e/load"
	"longtail/e2e/stage"
)

// A crawler walks through more links, and more codes that do not exist, than memory has room for. What people click stays
// there.
func TestC12Crawler(t *testing.T) {
	f := stage.NewFault(t, "C12")
	cacheBytes := stage.Full(8<<20, 1<<20) // room for twice as many links as people click
	h := newHerd(t, 1, map[string]string{"LONGTAIL_CACHE_BYTES": fmt.Sprint(cacheBytes)})
	hot, crawled := h.links(t, t.Name(), stage.Full(10_000, 1_200)), h.links(t, t.Name()+"-crawled", stage.Full(100_000, 2_000))
	walked := f.Random.Uint32()
	f.Planned(walked)
	clicks, walk := stage.Full(250_000, 4_000), stage.Full(1_000_000, 8_000)
	// One click in so many is a person's; the crawler meets a link that exists as often as they last.
	person, exists := walk/clicks+1, walk/len(crawled)
	people := popular(f, len(hot), clicks)

	onHot := requests{
		func(i int) string { return hot[people[i]].Path }, func(i int) string { return hot[people[i]].URL },
	}
	h.allRight(t, h.start(t, 0, clicks, 0, onHot)) // until memory has what it can have
	before := h.fromMemory(t)
	h.allRight(t, h.start(t, 0, clicks, 0, onHot))
	alone := 100 * float64(h.fromMemory(t)-before) / float64(clicks)

	lookups := h.looked(t)
	before = h.fromMemory(t)
	answers := h.start(t, 0, clicks*person, 0, requests{
		func(i int) string {
			step := i - i/person - 1 // of the crawler
			switch {
			case i%person == 0:
				return onHot.path(i / person)
			case step%exists == 0:
				return crawled[step/exists%len(crawled)].Path
			}
			return fmt.Sprintf("/no-code-%x-%d", walked, step)
		},
		func(i int) string {
			if i%person == 0 {
				return onHot.location(i / person)
			}
			return ""
		},
	}).Answers()
	beside := 100 * float64(h.fromMemory(t)-before) / float64(clicks)
	wrong := 0
	for i, a := range answers {
		if i%person == 0 && a.Fate != load.Answered || a.Status != http.StatusFound && a.Status != http.StatusNotFound {
			wrong++
		}
	}
	f.StruckN("lookups that the crawler caused", h.looked(t)-lookups)
	if wrong > 0 || alone-beside > 5 {
		t.Errorf("%d wrong answers, hit rate fell from %.1f to %.1f %%; want none, and 5 points at most", wrong, alone, beside)
	}
	f.Note("%d steps through %d other links and unknown codes; hit rate of %d links in memory: %.1f %% alone, %.1f %% beside", len(answers)-clicks, len(crawled), len(hot), alone, beside)
}

// popular are so many clicks on n links, few of which are clicked most.
func popular(f *stage.Fault, n, clicks int) []int {
	zipf := rand.NewZipf(f.Random, 1.1, 1, uint64(n-1)) //nolint:gosec // a few thousand
	all := make([]int, clicks)
	for i := range all {
		all[i] = int(zipf.Uint64()) //nolint:gosec // below n
	}
	return all
}

func (h *herd) fromMemory(t *testing.T) int {
	t.Helper()
	return stage.Meter(t, h.all, "longtail_resolve_total", `tier="memory"`)
}

// allRight demands that everybody is redirected to the right place.
func (h *herd) allRight(t *testing.T, run *load.Run) {
	t.Helper()
	for _, a := range run.Answers() {
		if a.Fate != load.Answered {
			t.Fatalf("%+v; want a 302 to the link's target", a)
		}
	}
}
