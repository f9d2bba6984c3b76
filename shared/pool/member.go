package pool

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"longtail/shared/click"
	"longtail/shared/config"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
)

const (
	beatEvery = time.Second
	// Alive is how long a worker is believed to live after its last beat: a frozen one's share is taken over within five
	// seconds of its last.
	Alive = 3500 * time.Millisecond
)

// Roll is where workers know of each other.
type Roll interface {
	Beat(ctx context.Context, w storage.WorkerState, alive time.Duration) ([]storage.WorkerState, error)
	Leave(ctx context.Context, id [16]byte) error
}

// A Report is what a worker tells about itself with each beat; oldestMS is the time of the oldest click it holds, 0 = none.
type Report func() (prefetchUsed, held int, oldestMS int64, inserted uint64)

// A Member is one worker's place in the pool. It keeps its Budget at an equal part of the pool's insert rate.
type Member struct {
	roll   Roll
	budget *Budget
	tuned  atomic.Pointer[config.Pool] // what is at work
	report Report
	state  storage.WorkerState
	outage telemetry.Changed
	leads  atomic.Bool
	size   atomic.Int32

	inserted uint64
	at       time.Time
}

// NewMember returns a member of a pool whose insert rate is rate rows a second; 0 = no limit. Until the first beat its
// budget is what it was made with.
func NewMember(roll Roll, name string, rate int, budget *Budget, report Report, log *slog.Logger) *Member {
	log = log.With("component", "pool")
	now := time.Now()
	m := &Member{
		roll: roll, budget: budget, report: report, at: now,
		// Ids grow with time, so the lowest of those that live is the eldest.
		state:  storage.WorkerState{ID: click.NewID(now.UnixMilli()), Name: name, StartedMS: now.UnixMilli()},
		outage: telemetry.Changed{Log: log, What: "the pool does not hear this worker"},
	}
	m.size.Store(1)
	m.tuned.Store(&config.Pool{InsertRate: rate})
	return m
}

// FromSpool says that this worker takes clicks out of a spool, with no broker between: the spool keeps what is in hand.
// It is called before Run.
func (m *Member) FromSpool() { m.state.FromSpool = true }

// Tune changes the insert rate of the pool, as far as it is this worker's, at once, and what it tells of itself.
func (m *Member) Tune(p config.Pool) {
	m.tuned.Store(&p)
	m.budget.SetRate(float64(p.InsertRate) / float64(m.size.Load()))
}

// Leads reports whether this worker is the pool's eldest, which does the maintenance.
func (m *Member) Leads() bool { return m.leads.Load() }

// Size returns how many workers live, as far as was heard.
func (m *Member) Size() int { return int(m.size.Load()) }

// Run beats once a second until ctx ends, and then leaves. While the roll is away the last share stays: nobody inserts
// then anyway.
func (m *Member) Run(ctx context.Context) error {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for {
		m.outage.Note(m.beat(ctx))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := m.roll.Leave(leaving, m.state.ID); err != nil {
				return fmt.Errorf("leave the pool: %w", err)
			}
			return nil
		}
	}
}

func (m *Member) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	used, held, oldestMS, inserted := m.report()
	now := time.Now()
	if s := now.Sub(m.at).Seconds(); s > 0 {
		m.state.InsertPerS = math.Round(float64(inserted-m.inserted)/s*10) / 10
	}
	m.inserted, m.at = inserted, now
	tuned := m.tuned.Load()
	m.state.PoolRate, m.state.Consumers, m.state.Prefetch = tuned.InsertRate, tuned.Consumers, tuned.Prefetch
	m.state.BatchSize, m.state.BatchAgeMS = tuned.BatchSize, tuned.BatchAge.Milliseconds()
	m.state.PrefetchUsed, m.state.Held, m.state.OldestMS, m.state.Share = used, held, oldestMS, int(math.Ceil(m.budget.Rate()))
	alive, err := m.roll.Beat(ctx, m.state, Alive)
	if err != nil || len(alive) == 0 {
		m.leads.Store(false)
		return err
	}
	m.leads.Store(alive[0].ID == m.state.ID)
	m.size.Store(int32(len(alive)))
	m.budget.SetRate(float64(m.tuned.Load().InsertRate) / float64(len(alive)))
	return nil
}
