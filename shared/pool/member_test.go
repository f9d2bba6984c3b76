package pool

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"longtail/shared/storage"
)

// roll keeps the pool in memory, on the test's clock.
type roll struct {
	mu   sync.Mutex
	rows map[[16]byte]storage.WorkerState
	away bool
}

func (r *roll) Beat(_ context.Context, w storage.WorkerState, alive time.Duration) ([]storage.WorkerState, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return nil, errors.New("away")
	}
	now := time.Now().UnixMilli()
	w.SeenMS = now
	r.rows[w.ID] = w
	var list []storage.WorkerState
	for _, row := range r.rows {
		if row.SeenMS > now-alive.Milliseconds() {
			list = append(list, row)
		}
	}
	slices.SortFunc(list, func(a, b storage.WorkerState) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return list, nil
}

func (r *roll) Leave(_ context.Context, id [16]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rows, id)
	return nil
}

func nothing() (int, int, int64, uint64) { return 0, 0, 0, 0 }

func TestTheSharesOfThePoolAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &roll{rows: map[[16]byte]storage.WorkerState{}}
		var budgets [3]*Budget
		var stops [3]context.CancelFunc
		var leaders [3]*Member
		var all sync.WaitGroup
		for i := range budgets {
			var ctx context.Context
			ctx, stops[i] = context.WithCancel(t.Context())
			budgets[i] = NewBudget(1)
			leaders[i] = NewMember(r, "w", 600, budgets[i], nothing, slog.New(slog.DiscardHandler))
			all.Go(func() { _ = leaders[i].Run(ctx) })
			time.Sleep(10 * time.Millisecond)
		}
		shares := func(after time.Duration, want ...float64) {
			t.Helper()
			time.Sleep(after)
			for i, rate := range want {
				if got := budgets[i].Rate(); math.Abs(got-rate) > 0.01 {
					t.Errorf("worker %d may insert %v rows a second, want %v", i, got, rate)
				}
			}
		}
		shares(2*time.Second, 200, 200, 200)
		if !leaders[0].Leads() || leaders[1].Leads() || leaders[2].Leads() {
			t.Error("not the eldest leads")
		}
		stops[0]() // leaves
		shares(1100*time.Millisecond, 200, 300, 300)
		if !leaders[1].Leads() {
			t.Error("the next eldest does not lead")
		}
		r.mu.Lock()
		r.away = true // the database is away: the last share stays
		r.mu.Unlock()
		shares(time.Minute, 200, 300, 300)
		r.mu.Lock()
		r.away = false
		r.mu.Unlock()
		shares(2*time.Second, 200, 300, 300)
		stops[1]()
		stops[2]()
		all.Wait()
	})
}

func TestAFrozenWorkersShareIsTakenOverInFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &roll{rows: map[[16]byte]storage.WorkerState{}}
		frozen := storage.WorkerState{ID: [16]byte{0xff}}
		if _, err := r.Beat(t.Context(), frozen, Alive); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		b := NewBudget(1)
		ended := make(chan error)
		go func() { ended <- NewMember(r, "w", 600, b, nothing, slog.New(slog.DiscardHandler)).Run(ctx) }()
		time.Sleep(100 * time.Millisecond)
		if got := b.Rate(); got != 300 {
			t.Errorf("share beside a living worker %v", got)
		}
		time.Sleep(4800 * time.Millisecond)
		if got := b.Rate(); got != 600 {
			t.Errorf("share 4.9 s after the other's last beat %v", got)
		}
		cancel()
		<-ended
	})
}
