package stage

import (
	"context"
	"sync"
	"testing"
	"time"

	"longtail/e2e/oracle"
	"longtail/e2e/platform"
)

// Between two looks at a campaign.
const lookEvery = 300 * time.Millisecond

// A watch looks at a campaign's complete_through and balance while faults fall. What it saw is judged when everything is
// known: nothing answered before a complete_through that was told may have been counted later.
type watch struct {
	show  *Show
	stop  context.CancelFunc
	ended sync.WaitGroup

	looks  []look
	missed int // looks that failed, such as while the database is away
}

// A look is what was told, and how many rows older than that were there right after.
type look struct {
	through time.Time
	older   int
	balance platform.Balance
}

// watching begins to look.
func (s *Show) watching(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	w := &watch{show: s, stop: stop}
	s.watch = w
	w.ended.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.look(ctx)
			}
		}
	})
}

func (w *watch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	results, err := w.show.API.Results(ctx, w.show.Crowd.ID)
	if err != nil {
		w.missed++
		return
	}
	older, err := w.show.DB.Older(ctx, w.show.Crowd.ID, results.CompleteThrough)
	if err != nil {
		w.missed++
		return
	}
	balance, err := w.show.API.Balance(ctx, w.show.Crowd.ID)
	if err != nil {
		w.missed++
		return
	}
	w.looks = append(w.looks, look{results.CompleteThrough, older, balance})
}

// judge ends the watch and holds each look against all rows that came to be.
func (w *watch) judge(t *testing.T, rows []oracle.Row) {
	t.Helper()
	w.stop()
	w.ended.Wait()
	passed, unbalanced := 0, 0
	var before time.Time
	for _, l := range w.looks {
		older := 0
		for _, r := range rows {
			if r.TimeMS < l.through.UnixMilli() {
				older++
			}
		}
		if older != l.older || l.through.Before(before) {
			passed++
			t.Errorf("complete_through was told as %s (before that: %s) with %d rows older than it; in the end there were %d",
				l.through.Format(time.RFC3339Nano), before.Format(time.RFC3339Nano), l.older, older)
		}
		before = l.through
		if b := l.balance; b.Answered != b.Stored+b.Waiting+b.SetAside || b.Waiting < 0 {
			unbalanced++
			t.Errorf("balance did not add up: %+v", b)
		}
	}
	t.Logf("looked %d times (%d times without an answer): complete_through passed a click that was not counted %d times, the balance did not add up %d times",
		len(w.looks), w.missed, passed, unbalanced)
	if len(w.looks) == 0 {
		t.Error("complete_through and the balance were never seen while the faults fell")
	}
}
