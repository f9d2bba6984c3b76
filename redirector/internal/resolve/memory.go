package resolve

import (
	"math"
	"time"

	"github.com/maypok86/otter/v2"
)

// An entry is what memory holds of a code. One without a target is a tombstone: the database, healthy, said that the
// code does not exist.
type entry struct {
	target   *Target // nil = tombstone
	loadedMS int64   // when the load of it began
}

const (
	tombstoneLife = time.Second
	// forever is longer than any process lives: targets leave memory by eviction only.
	forever = 10 * 365 * 24 * time.Hour
	// What an entry weighs beside its texts: the cache's node and table slot, the entry, and the target if there is
	// one. TestC3MemoryBound measures them.
	entryBytes  = 190
	targetBytes = 130
)

// memory is the first tier, bounded by bytes.
type memory struct {
	cache *otter.Cache[key, *entry]
}

func newMemory(maxBytes uint64) *memory {
	return &memory{cache: otter.Must(&otter.Options[key, *entry]{
		MaximumWeight: maxBytes,
		Weigher:       weigh,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[key, *entry]) time.Duration {
			if e.Value.target != nil {
				return forever
			}
			// Counted from the start of the load: a code that was created during it is found a second later.
			return max(time.Until(time.UnixMilli(e.Value.loadedMS).Add(tombstoneLife)), time.Nanosecond)
		}),
		Logger: &otter.NoopLogger{},
	})}
}

func weigh(k key, e *entry) uint32 {
	n := entryBytes + len(k.code)
	if t := e.target; t != nil {
		n += targetBytes + len(t.URL)
		for _, name := range t.Forward {
			n += 16 + len(name)
		}
	}
	return uint32(min(n, math.MaxUint32))
}

func (m *memory) get(k key) *entry {
	e, _ := m.cache.GetIfPresent(k)
	return e
}

// fill stores what a load or a create brought, unless memory knows better: an older version loses, a tombstone loses
// to a target, and so does a version below the least that is known to be committed. It returns what memory now says,
// and false when e was refused for the last reason and must be loaded again.
func (m *memory) fill(k key, e *entry, least func(id uint64) uint64) (*entry, bool) {
	accepted := true
	now, present := m.cache.Compute(k, func(old *entry, found bool) (*entry, otter.ComputeOp) {
		if e.target != nil && e.target.Version < least(e.target.ID) {
			accepted = false
			return nil, otter.CancelOp
		}
		if found && old.target != nil && (e.target == nil || old.target.Version > e.target.Version) {
			return nil, otter.CancelOp
		}
		return e, otter.WriteOp
	})
	if !accepted || !present {
		return e, accepted
	}
	return now, true
}

// repair replaces what memory holds of the target's code by this newer version. It adds nothing that nobody asked for.
func (m *memory) repair(t *Target, nowMS int64) {
	m.cache.Compute(t.key(), func(old *entry, found bool) (*entry, otter.ComputeOp) {
		if !found || old.target != nil && old.target.Version > t.Version {
			return nil, otter.CancelOp
		}
		return &entry{target: t, loadedMS: nowMS}, otter.WriteOp
	})
}

// revive forgets that a code does not exist: somebody has just created it.
func (m *memory) revive(k key) {
	m.cache.Compute(k, func(old *entry, found bool) (*entry, otter.ComputeOp) {
		if found && old.target == nil {
			return nil, otter.InvalidateOp
		}
		return nil, otter.CancelOp
	})
}

func (m *memory) close() { m.cache.StopAllGoroutines() }
