package faults

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"longtail/e2e/stage"
)

// Every instance is asked for a code before it exists, and remembers that it does not. Then it is created: it is found
// everywhere within a second, with the bus and without.
func TestC4CreatedAfterAMiss(t *testing.T) {
	f := stage.NewFault(t, "C4")
	h := newHerd(t, stage.Full(4, 3), nil)
	h.silent(t, false)
	with := h.createMissed(t, f, "with", stage.Full(300, 20))
	h.wire.Refuse()
	h.wire.Cut()
	h.silent(t, true)
	without := h.createMissed(t, f, "without", stage.Full(100, 10))
	f.Note("%d instances; %s; %s", len(h.all), staleness(t, h, "with the bus", with), staleness(t, h, "without the bus", without))
}

// createMissed creates n links, some at once, each right after all instances were asked for it.
func (h *herd) createMissed(t *testing.T, f *stage.Fault, name string, n int) []sight {
	t.Helper()
	var seen observers
	run := f.Random.Uint32()
	f.Planned(run)
	for first := 0; first < n; first += 10 {
		spread(10, func(i int) {
			code := fmt.Sprintf("%s-%08x-%d", name, run, first+i)
			url := "https://example.com/" + code
			for instance := range h.all {
				if r := h.ask(t.Context(), instance, "/"+code); r.status != http.StatusNotFound {
					t.Errorf("a code before it exists, on %s: %+v; want 404", h.all[instance].Name, r)
					return
				}
				f.Struck("instances that knew of no such code")
			}
			seen.apply(t, h, change{"/" + code,
				func(ctx context.Context) error { return h.others[i%2].CreateLink(ctx, t.Name(), code, url) },
				func(r reply) bool { return r.status == http.StatusFound && r.location == url }})
		})
	}
	all := seen.all()
	judge(t, h, all, func(time.Time) time.Duration { return time.Second })
	return all
}
