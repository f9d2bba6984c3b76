package faults

import (
	"context"
	"net/http"
	"testing"
	"time"

	"longtail/e2e/oracle"
	"longtail/e2e/stage"
	"longtail/e2e/wire"
)

// Links are disabled, with the bus and without: every instance answers 410 within 2 s. Then the database freezes and Redis
// falls back to what it held before: no instance brings one of them back.
func TestC11DisabledLinks(t *testing.T) {
	f := stage.NewFault(t, "C11")
	h := newHerd(t, stage.Full(4, 3), nil)
	n := stage.Full(200, 20)
	links := shuffled(f, h.links(t, t.Name(), 3*n))
	h.know(t, links)
	old := h.kept(t, links)
	h.silent(t, false)
	with := h.disable(t, links[:n])
	h.wire.Refuse()
	h.wire.Cut()
	h.silent(t, true)
	cut := h.disable(t, links[n:2*n])
	h.wire.Heal()
	h.wire.Stall(wire.Both)
	hanging := h.disable(t, links[2*n:])
	h.wire.Heal()
	h.silent(t, false)
	f.StruckN("links disabled", 3*n)

	if err := h.MySQL.Pause(); err != nil {
		t.Fatal(err)
	}
	f.Struck("MySQL frozen")
	asked := h.allGone(t, links, time.Now())
	if stage.Full(true, false) {
		stage.Kill(t, h.all[0].Process)
		stage.Start(t, h.all[0].Process) // with what Redis holds
		f.Struck("instance started while MySQL is frozen")
		asked += h.allGone(t, links, time.Now())
	}
	h.restore(t, old)
	f.StruckN("values of before the edits put back into Redis", len(old))
	asked += h.allGone(t, links, time.Now().Add(stage.Full(30*time.Second, time.Second)))
	f.Note("%d instances; until 410: %s; %s; %s; %d answers with MySQL frozen, all of them 410", len(h.all),
		staleness(t, h, "with the bus", with), staleness(t, h, "without the bus", cut), staleness(t, h, "beside a hanging Redis", hanging), asked)
}

// disable disables links, a few at once, and holds the instances to 2 s.
func (h *herd) disable(t *testing.T, links []oracle.Link) []sight {
	t.Helper()
	var seen observers
	spread(len(links), func(i int) {
		l := links[i]
		seen.apply(t, h, change{l.Path,
			func(ctx context.Context) error {
				return h.others[i%2].EditLink(ctx, l.Code, map[string]any{"disabled": true})
			},
			func(r reply) bool { return r.status == http.StatusGone }})
	})
	all := seen.all()
	judge(t, h, all, func(time.Time) time.Duration { return withoutBus })
	return all
}

// allGone asks every instance for links, once at least and then until a time, and demands 410. It returns how often it did.
func (h *herd) allGone(t *testing.T, links []oracle.Link, until time.Time) (asked int) {
	t.Helper()
	for {
		spread(len(links)*len(h.all), func(n int) {
			l, i := links[n/len(h.all)], n%len(h.all)
			if r := h.ask(t.Context(), i, l.Path); r.status != http.StatusGone {
				t.Errorf("%s, which is disabled, on %s: %+v; want 410", l.Code, h.all[i].Name, r)
			}
		})
		asked += len(links) * len(h.all)
		if t.Failed() || time.Now().After(until) {
			return asked
		}
		stage.Pass(t, 100*time.Millisecond)
	}
}

// restore puts values into Redis.
func (h *herd) restore(t *testing.T, values map[string]string) {
	t.Helper()
	for key, value := range values {
		if err := h.redis.Set(t.Context(), key, value, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
	}
}
