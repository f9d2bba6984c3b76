package resolve

import (
	"maps"
	"sync"
)

const (
	// floorLife is how long a floor stands at least: longer than any load can last.
	floorLife = 30_000 // ms
	// maxFloors bounds them. Above it loads in progress are discarded as a whole, and what Redis was not told of is
	// read again later.
	maxFloors = 100_000
)

// floors are the versions that are known to be committed, of the links that changed lately. Without them a load that
// read the old row, and stopped for a moment before it filled memory, would bring the old target back after the edit
// was acknowledged. They are also the list of what Redis has not been told yet.
type floors struct {
	mu     sync.Mutex
	byLink map[uint64]floor
	limit  int
}

type floor struct {
	version uint64
	sinceMS int64
	told    bool // Redis has this version or a newer one
}

func newFloors() *floors { return &floors{byLink: map[uint64]floor{}, limit: maxFloors} }

// raise lifts a link's floor. It reports false when there is no room for another one.
func (f *floors) raise(id, version uint64, nowMS int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, found := f.byLink[id]
	switch {
	case found && old.version >= version:
		return true
	case !found && len(f.byLink) >= f.limit:
		return false
	}
	f.byLink[id] = floor{version: version, sinceMS: nowMS}
	return true
}

// dropTold makes room: it drops the floors that Redis has been told of, before their time.
func (f *floors) dropTold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.byLink, func(_ uint64, floor floor) bool { return floor.told })
}

// least returns the least version of a link that may be served, 0 when nothing is known.
func (f *floors) least(id uint64) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byLink[id].version
}

// tell notes that Redis has a version of a link.
func (f *floors) tell(id, version uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, found := f.byLink[id]; found && old.version <= version {
		old.told = true
		f.byLink[id] = old
	}
}

// forget notes that there is nothing to tell of these links.
func (f *floors) forget(ids []uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		if old, found := f.byLink[id]; found {
			old.told = true
			f.byLink[id] = old
		}
	}
}

// untold returns up to n links that Redis must be told of.
func (f *floors) untold(n int) []uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []uint64
	for id, floor := range f.byLink {
		if len(ids) == n {
			break
		}
		if !floor.told {
			ids = append(ids, id)
		}
	}
	return ids
}

// prune drops the floors that have done their work. Without Redis nobody has to be told.
func (f *floors) prune(nowMS int64, redis bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.byLink, func(_ uint64, floor floor) bool {
		return nowMS-floor.sinceMS > floorLife && (floor.told || !redis)
	})
}
