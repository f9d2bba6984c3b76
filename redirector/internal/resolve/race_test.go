package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/link"
)

// bound is what the design promises without the bus: a change is served by every instance within 2 s.
const bound = 2 * time.Second

// TestC6 lets loads, edits, evictions and a Redis that hangs, forgets and loses messages run into each other, on two
// instances, and looks for a target that is served longer than the bound after a newer one was acknowledged. C11 is
// part of it: one edit in four disables the link.
func TestC6(t *testing.T) {
	least := full(100_000, 2_000/scale) // loads that an edit overtook between their reading and their end
	var sum tally
	rounds := 0
	for ; sum.overtaken < least; rounds++ {
		synctest.Test(t, func(t *testing.T) {
			sum.add(newRace(t, seed()+uint64(rounds), rounds%3 != 0).run())
		})
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed(), rounds)
		}
	}
	row(t, "C6", sum.overtaken, sum.stale, "%d rounds, %d answers, %d loads, %d of them while an edit was committed, %d edits; longest an old target was served after an acknowledgement: %v",
		rounds, sum.answers, sum.loads, sum.overtaken, sum.edits, sum.longest)
}

// tally is what happened in a race.
type tally struct {
	answers, loads, overtaken, edits, stale int
	longest                                 time.Duration
}

func (t *tally) add(other tally) {
	t.answers += other.answers
	t.loads += other.loads
	t.overtaken += other.overtaken
	t.edits += other.edits
	t.stale += other.stale
	t.longest = max(t.longest, other.longest)
}

const (
	racingLinks     = 3
	racingInstances = 2
	raceTime        = 25 * time.Second
)

// race is one round: readers, editors, evictions and disturbances in a bubble's time.
type race struct {
	t     *testing.T
	store *table
	redis *fakeRedis
	all   []*Resolver
	end   time.Time

	mu   sync.Mutex
	rng  *rand.Rand
	sum  tally
	acks map[uint64][]time.Time // by link; index = version-1
}

func newRace(t *testing.T, seed uint64, withRedis bool) *race {
	t.Helper()
	r := &race{
		t: t, store: newTable(), rng: rand.New(rand.NewPCG(seed, 1)), acks: map[uint64][]time.Time{},
		redis: &fakeRedis{rng: rand.New(rand.NewPCG(seed, 2)), kept: map[string][]byte{}},
	}
	for i := range racingLinks {
		r.acknowledge(r.store.create(1, racingCode(uint64(i+1)), "https://v.example/1").ID)
	}
	r.store.pause = r.pauseLoad
	for range racingInstances {
		instance := New(Options{Store: r.store, CacheBytes: 1 << 20, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
		if withRedis {
			instance.shared = newShared(r.redis)
		}
		r.all = append(r.all, instance)
	}
	return r
}

func racingCode(id uint64) string { return fmt.Sprintf("code-%d", id) }

func (r *race) run() tally {
	ctx, stop := context.WithCancel(r.t.Context())
	var wg sync.WaitGroup
	for _, instance := range r.all {
		wg.Go(func() { instance.Run(ctx) })
	}
	time.Sleep(3 * time.Second) // in the bubble: until the feeds have begun
	r.end = time.Now().Add(raceTime)
	for i := range r.all {
		for id := uint64(1); id <= racingLinks; id++ {
			wg.Go(func() { r.read(ctx, i, id) })
			wg.Go(func() { r.read(ctx, i, id) })
		}
	}
	wg.Go(r.evict)
	wg.Go(r.disturb)
	wg.Go(func() { r.edit(ctx) })
	wg.Go(func() { r.edit(ctx) })
	time.Sleep(raceTime + 3*time.Second)
	stop()
	wg.Wait()
	r.atRest()
	return r.sum
}

func (r *race) random(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.IntN(n)
}

func (r *race) sleep(mostMS int) { time.Sleep(time.Duration(r.random(mostMS)) * time.Millisecond) }

func (r *race) over() bool { return !time.Now().Before(r.end) }

// pauseLoad stops a load between its reading and its end; some for longer than a load may last.
func (r *race) pauseLoad(ctx context.Context) {
	most := 60
	if r.random(4) == 0 {
		most = 2500
	}
	r.mu.Lock()
	before := r.sum.edits
	r.mu.Unlock()
	pause(ctx, time.Duration(r.random(most))*time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.loads++
	if r.sum.edits > before {
		r.sum.overtaken++
	}
}

func (r *race) acknowledge(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acks[id] = append(r.acks[id], time.Now())
}

// age returns how long ago the version that follows v was acknowledged, 0 if it was not.
func (r *race) age(id, v uint64) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if acks := r.acks[id]; v < uint64(len(acks)) {
		return time.Since(acks[v])
	}
	return 0
}

func (r *race) read(ctx context.Context, instance int, id uint64) {
	for !r.over() {
		r.sleep(50)
		answer, err := r.all[instance].Resolve(ctx, 1, racingCode(id))
		if errors.Is(err, ErrUnavailable) {
			continue
		}
		age := r.age(id, answer.Version)
		r.mu.Lock()
		r.sum.answers++
		r.sum.longest = max(r.sum.longest, age)
		if age > bound {
			r.sum.stale++
		}
		r.mu.Unlock()
		if err != nil || age > bound {
			r.t.Errorf("instance %d: version %d of link %d served %v after the next one was acknowledged, %v", instance, answer.Version, id, age, err)
		}
	}
}

func (r *race) evict() {
	for !r.over() {
		r.sleep(30)
		r.all[r.random(racingInstances)].memory.cache.Invalidate(key{1, racingCode(uint64(r.random(racingLinks) + 1))})
	}
}

func (r *race) disturb() {
	for !r.over() {
		r.sleep(3000)
		r.redis.disturb()
	}
}

// edit changes links; its rows become visible out of the order of their seq.
func (r *race) edit(ctx context.Context) {
	for !r.over() {
		r.sleep(700)
		id, disable := uint64(r.random(racingLinks)+1), r.random(4) == 0
		seq := r.store.begin()
		r.sleep(400)
		l := r.store.commit(seq, id, func(l *link.Link) {
			l.URL, l.State = fmt.Sprintf("https://v.example/%d", l.Version+1), link.Live
			if disable {
				l.State = link.Disabled
			}
		})
		r.acknowledge(id)
		r.mu.Lock()
		r.sum.edits++
		r.mu.Unlock()
		r.all[r.random(racingInstances)].Changed(ctx, KindLink, l.ID)
	}
}

// atRest looks for what an instance keeps for ever.
func (r *race) atRest() {
	for i, instance := range r.all {
		instance.Close()
		for id := uint64(1); id <= racingLinks; id++ {
			if e := instance.memory.get(key{1, racingCode(id)}); e != nil && r.age(id, e.target.Version) > 0 {
				r.t.Errorf("instance %d keeps version %d of link %d at rest", i, e.target.Version, id)
			}
		}
	}
}
