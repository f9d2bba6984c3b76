package pool

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"longtail/shared/config"
)

// board is a store of one tuning.
type board struct {
	mu      sync.Mutex
	body    string
	version int
	err     error
}

func (b *board) Tuning(context.Context) ([]byte, int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return []byte(b.body), b.version, b.err
}

func (b *board) set(body string, version int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.body, b.version, b.err = body, version, err
}

func TestFollowerWinsOverSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := config.Pool{InsertRate: 100, Prefetch: 50, Consumers: 2, BatchSize: 10, BatchAge: time.Second}
		var b board
		var applied []config.Pool
		f := NewFollower(&b, own, func(p config.Pool) error { applied = append(applied, p); return nil }, slog.New(slog.DiscardHandler))
		f.Look(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		time.Sleep(time.Minute)
		b.set(`{"prefetch":7,"batch_age":"250ms","consumers":0}`, 1, nil)
		time.Sleep(5 * time.Second)
		tuned := config.Pool{InsertRate: 100, Prefetch: 7, Consumers: 0, BatchSize: 10, BatchAge: 250 * time.Millisecond}
		b.set("", 1, errors.New("away"))
		time.Sleep(time.Minute)
		b.set(`{"prefetch":"x"}`, 2, nil) // not ours: what is at work stays
		time.Sleep(time.Minute)
		b.set(`{}`, 3, nil)
		time.Sleep(5 * time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if want := []config.Pool{own, tuned, own}; !slices.Equal(applied, want) {
			t.Errorf("applied %+v, want %+v", applied, want)
		}
	})
}

func TestTuningBounds(t *testing.T) {
	for body, want := range map[string][]string{
		`{}`: nil,
		`{"consumers":0,"prefetch":1,"batch_size":1,"batch_age":"1ms","insert_rate":0}`:            nil,
		`{"consumers":64,"prefetch":2000,"batch_size":10000,"batch_age":"1m","insert_rate":10000}`: nil,
		`{"consumers":-1,"prefetch":0,"batch_size":0,"batch_age":"0s","insert_rate":-1}`:           {"consumers", "prefetch", "batch_size", "insert_rate", "batch_age"},
		`{"consumers":65,"batch_age":"61s"}`:                                                       {"consumers", "batch_age"},
	} {
		var tuning Tuning
		if err := json.Unmarshal([]byte(body), &tuning); err != nil {
			t.Fatal(err)
		}
		var bad []string
		tuning.Check(func(field, _ string) { bad = append(bad, field) })
		if !slices.Equal(bad, want) {
			t.Errorf("%s: %v, want %v", body, bad, want)
		}
	}
}
