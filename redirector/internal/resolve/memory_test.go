package resolve

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"longtail/shared/link"
)

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestC3MemoryBound is the other half of C3: a burst of a million distinct codes stays within the bytes that were
// configured, tombstones as well as targets, and what entries are said to weigh is what they weigh.
func TestC3MemoryBound(t *testing.T) {
	const bound, burst = 32 << 20, 1_000_000 / scale
	for name, target := range map[string]func(i int, code string) *Target{
		"tombstones": func(int, string) *Target { return nil },
		"targets": func(i int, code string) *Target {
			return &Target{ID: uint64(i), Domain: 1, Code: code, URL: "https://shop.example/campaign/" + code + "?utm_source=mail", State: link.Live}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			m := newMemory(bound)
			defer m.close()
			least := func(uint64) uint64 { return 0 }
			highest := uint64(0)
			for i := range burst {
				code := fmt.Sprintf("code-%07d", i)
				m.fill(key{1, code}, &entry{target: target(i, code), loadedMS: time.Now().UnixMilli()}, least)
				if i%(burst/10) == burst/10-1 {
					highest = max(highest, heap()-before)
				}
			}
			row(t, "C3", burst, 0, "%d distinct %s: %d MiB of heap at the most for a bound of %d MiB, %d entries", burst, name, highest>>20, bound>>20, m.cache.EstimatedSize())
			if highest > bound {
				t.Errorf("%d bytes of heap, want at most %d", highest, bound)
			}
			runtime.KeepAlive(m)
		})
	}
}

func TestFill(t *testing.T) {
	m := newMemory(1 << 20)
	defer m.close()
	k, now := key{1, "a-code"}, time.Now().UnixMilli()
	at := func(version uint64) *entry {
		return &entry{target: &Target{ID: 1, Domain: 1, Code: "a-code", Version: version}, loadedMS: now}
	}
	floor := uint64(0)
	least := func(uint64) uint64 { return floor }
	version := func() uint64 {
		if e := m.get(k); e != nil && e.target != nil {
			return e.target.Version
		}
		return 0
	}
	step := func(name string, e *entry, kept bool, want uint64) {
		t.Helper()
		if _, ok := m.fill(k, e, least); ok != kept || version() != want {
			t.Errorf("%s: accepted %t, memory has version %d; want %t, %d", name, ok, version(), kept, want)
		}
	}
	step("a tombstone", &entry{loadedMS: now}, true, 0)
	step("the code is created", at(1), true, 1)
	step("newer", at(3), true, 3)
	step("older", at(2), true, 3)
	step("a late tombstone", &entry{loadedMS: now}, true, 3)
	floor = 5
	step("below the floor", at(4), false, 3)
	step("on the floor", at(5), true, 5)
	m.repair(at(4).target, now)
	m.revive(k)
	if version() != 5 {
		t.Errorf("an old repair or a revival changed a target to %d", version())
	}
	m.repair(&Target{Domain: 1, Code: "never-asked", Version: 1}, now)
	if m.get(key{1, "never-asked"}) != nil {
		t.Error("a repair added what nobody asked for")
	}
}

// TestC12: a crawler that walks through a million links lowers the hit rate of those that people click by 5 points at
// the most.
func TestC12(t *testing.T) {
	const hot, rounds, perRound = 10_000, 100 / scale, 10_000
	rate := func(crawled int) float64 {
		m := newMemory(20_000 * 500) // room for about 20,000
		defer m.close()
		people := rand.NewZipf(rand.New(rand.NewPCG(1, 1)), 1.1, 1, hot-1)
		least := func(uint64) uint64 { return 0 }
		click := func(code string) bool {
			k := key{1, code}
			if m.get(k) != nil {
				return true
			}
			m.fill(k, &entry{target: &Target{ID: 1, Domain: 1, Code: code, URL: "https://shop.example/" + code, State: link.Live}}, least)
			return false
		}
		hits, next := 0, 0
		for range rounds {
			for range perRound {
				if click(fmt.Sprintf("hot-%d", people.Uint64())) {
					hits++
				}
			}
			for range crawled {
				next++
				click(fmt.Sprintf("cold-%d", next))
			}
		}
		return 100 * float64(hits) / (rounds * perRound)
	}
	alone, beside := rate(0), rate(perRound)
	row(t, "C12", rounds*perRound, 0, "hit rate %.1f %% alone, %.1f %% beside a walk through %d links", alone, beside, rounds*perRound)
	if alone-beside > 5 {
		t.Errorf("hit rate falls from %.1f to %.1f, want 5 points at the most", alone, beside)
	}
}
