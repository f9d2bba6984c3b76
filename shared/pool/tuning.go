package pool

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"longtail/shared/config"
	"longtail/shared/telemetry"
)

// A Tuning is what an operator set for all workers of the pool while they run; it wins over the settings of each. What is
// nil is every worker's own.
type Tuning struct {
	Consumers  *int  `json:"consumers,omitempty"` // per worker; 0 = nobody stores anything
	Prefetch   *int  `json:"prefetch,omitempty"`
	BatchSize  *int  `json:"batch_size,omitempty"`
	BatchAge   *Span `json:"batch_age,omitempty"`
	InsertRate *int  `json:"insert_rate,omitempty"` // of the whole pool
}

// A Span is a duration, written as the settings are: 500ms.
type Span time.Duration

// MarshalText writes the span.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText reads a span.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = Span(d)
	return err
}

// Check calls bad for each field that is outside its bounds, which are those of the settings.
func (t *Tuning) Check(bad func(field, detail string)) {
	for _, f := range []struct {
		name        string
		value       *int
		least, most int
	}{
		{"consumers", t.Consumers, 0, config.MostConsumers}, {"prefetch", t.Prefetch, 1, config.MostPrefetch},
		{"batch_size", t.BatchSize, 1, config.MostBatchSize}, {"insert_rate", t.InsertRate, 0, config.MostInsertRate},
	} {
		if f.value != nil && (*f.value < f.least || *f.value > f.most) {
			bad(f.name, fmt.Sprintf("a number from %d to %d is wanted", f.least, f.most))
		}
	}
	if age := t.BatchAge; age != nil && (*age < Span(config.LeastBatchAge) || *age > Span(config.MostBatchAge)) {
		bad("batch_age", fmt.Sprintf("a duration from %s to %s is wanted, such as 500ms", config.LeastBatchAge, config.MostBatchAge))
	}
}

// Over returns a worker's own settings with the tuning in their place.
func (t *Tuning) Over(own config.Pool) config.Pool {
	set(&own.Consumers, t.Consumers)
	set(&own.Prefetch, t.Prefetch)
	set(&own.BatchSize, t.BatchSize)
	set(&own.InsertRate, t.InsertRate)
	set(&own.BatchAge, (*time.Duration)(t.BatchAge))
	return own
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// TuningStore is where the tuning is kept. Version 0 means that there is none.
type TuningStore interface {
	Tuning(ctx context.Context) (body []byte, version int, err error)
}

// tuningEvery is how often a worker looks: what is set is at work in less than five seconds.
const tuningEvery = 2 * time.Second

// A Follower keeps one worker at the pool's tuning.
type Follower struct {
	store  TuningStore
	own    config.Pool
	apply  func(config.Pool) error
	seen   int // version at work; -1 = none
	log    *slog.Logger
	outage telemetry.Changed
}

// NewFollower returns a follower of a worker with settings of its own. apply brings settings to work, and may be called
// again with the same ones.
func NewFollower(store TuningStore, own config.Pool, apply func(config.Pool) error, log *slog.Logger) *Follower {
	log = log.With("component", "tuning")
	return &Follower{store: store, own: own, apply: apply, seen: -1, log: log, outage: telemetry.Changed{Log: log, What: "the pool's tuning is not known"}}
}

// Look applies what is stored now, if it is not at work already. While the store is away what is at work stays.
func (f *Follower) Look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tuningEvery)
	defer cancel()
	f.outage.Note(f.look(ctx))
}

func (f *Follower) look(ctx context.Context) error {
	body, version, err := f.store.Tuning(ctx)
	if err != nil || version == f.seen {
		return err
	}
	var t Tuning
	if version > 0 {
		if err := json.Unmarshal(body, &t); err != nil {
			return fmt.Errorf("decode tuning: %w", err)
		}
	}
	now := t.Over(f.own)
	if err := f.apply(now); err != nil {
		return err
	}
	f.seen = version
	f.log.Info("tuned", "version", version, "consumers", now.Consumers, "prefetch", now.Prefetch, "batch_size", now.BatchSize,
		"batch_age", now.BatchAge, "insert_rate", now.InsertRate)
	return nil
}

// Run looks again and again until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	ticker := time.NewTicker(tuningEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.Look(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}
