package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"longtail/shared/link"
)

// fakeRedis keeps values in a map, answers late, fails and forgets, in the time of a synctest bubble.
type fakeRedis struct {
	mu     sync.Mutex
	rng    *rand.Rand
	kept   map[string][]byte
	buses  []chan *redis.Message
	failed bool // answers nothing
	stuck  bool // refuses writes, as one that is full or was made a replica
	mute   bool // takes messages and delivers none
}

func (f *fakeRedis) random(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.IntN(n)
}

// wait is the time on the wire. A Redis that hangs lets everybody run into their deadline.
func (f *fakeRedis) wait(ctx context.Context) error {
	f.mu.Lock()
	failed := f.failed
	f.mu.Unlock()
	if failed {
		<-ctx.Done()
		return ctx.Err()
	}
	select {
	case <-time.After(time.Duration(f.random(40)) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeRedis) read(ctx context.Context, name string) ([]byte, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	value := f.kept[name]
	f.mu.Unlock()
	return value, f.wait(ctx) // the answer is on its way while the value may change
}

func (f *fakeRedis) remove(ctx context.Context, name string) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.kept, name)
	return nil
}

func (f *fakeRedis) write(ctx context.Context, values map[string][]byte) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	if f.stuck {
		f.mu.Unlock()
		return errors.New("OOM command not allowed")
	}
	for name, value := range values {
		if old := f.kept[name]; len(old) < valueHeader || string(old[1:valueHeader]) <= string(value[1:valueHeader]) {
			f.kept[name] = value
		}
	}
	f.mu.Unlock()
	return f.wait(ctx)
}

func (f *fakeRedis) publish(ctx context.Context, message string) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, bus := range f.buses {
		if !f.mute && f.rng.IntN(10) > 0 { // one in ten is lost
			select {
			case bus <- &redis.Message{Payload: message}:
			default:
			}
		}
	}
	return nil
}

func (f *fakeRedis) subscribe(context.Context) (<-chan *redis.Message, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bus := make(chan *redis.Message, 100)
	f.buses = append(f.buses, bus)
	return bus, func() {}
}

// disturb lets Redis hang, fall silent, be flushed or come back.
func (f *fakeRedis) disturb() {
	what := f.random(7)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch what {
	case 0:
		f.failed = true
	case 1:
		f.mute = true
	case 2:
		clear(f.kept)
	case 3:
		f.stuck = true
	default:
		f.failed, f.mute, f.stuck = false, false, false
	}
}

// bound is what design promises without the bus: a change is served by every instance within 2 s.
const bound = 2 * time.Second

// TestC6 lets loads, edits, evictions and a Redis that hangs, forgets and loses messages run into each other, on two
// instances, and looks for a target that is served longer than the bound after a newer one was acknowledged, and for
// one that comes back after a newer one was served. TestC11 is part of it: one edit in four disables the link.
func TestC6(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rounds := max(60/scale, 10)
	var sum race
	for round := range rounds {
		synctest.Test(t, func(t *testing.T) {
			sum.add(runRace(t, seed+uint64(round), round%3 != 0))
		})
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
	t.Logf("%d rounds, %d answers, %d loads, %d of them while an edit was committed, %d edits; longest an old target was served after an acknowledgement: %v",
		rounds, sum.answers, sum.loads, sum.overtaken, sum.edits, sum.longest)
}

type race struct {
	answers, loads, overtaken, edits int
	longest                          time.Duration
}

func (r *race) add(other race) {
	r.answers += other.answers
	r.loads += other.loads
	r.overtaken += other.overtaken
	r.edits += other.edits
	r.longest = max(r.longest, other.longest)
}

// history is when each version of a link was acknowledged.
type history struct {
	mu   sync.Mutex
	acks map[uint64][]time.Time // by link; index = version-1
}

func (h *history) acked(id uint64, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acks[id] = append(h.acks[id], at)
}

// age returns how long before the instant the version that followed v was acknowledged, 0 if it was not.
func (h *history) age(id, v uint64, at time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if acks := h.acks[id]; v < uint64(len(acks)) && acks[v].Before(at) {
		return at.Sub(acks[v])
	}
	return 0
}

func runRace(t *testing.T, seed uint64, withRedis bool) race {
	const nLinks, instances = 3, 2
	rng := rand.New(rand.NewPCG(seed, 1))
	fake := &fakeRedis{rng: rand.New(rand.NewPCG(seed, 2)), kept: map[string][]byte{}}
	s := newTable()
	var sum race
	var mu sync.Mutex // of sum and of the pauses' randomness
	pauses := rand.New(rand.NewPCG(seed, 3))
	s.pause = func(ctx context.Context) {
		mu.Lock()
		before := sum.edits
		pause := time.Duration(pauses.IntN(60)) * time.Millisecond
		if pauses.IntN(4) == 0 {
			pause = time.Duration(pauses.IntN(2500)) * time.Millisecond // some loads stop for longer than they may last
		}
		mu.Unlock()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		mu.Lock()
		sum.loads++
		if sum.edits > before {
			sum.overtaken++
		}
		mu.Unlock()
	}
	h := &history{acks: map[uint64][]time.Time{}}
	for i := range nLinks {
		l := s.create(1, fmt.Sprintf("code-%d", i), "https://v.example/1")
		h.acked(l.ID, time.Now())
	}
	ctx, stop := context.WithCancel(t.Context())
	var all [instances]*Resolver
	var wg sync.WaitGroup
	for i := range all {
		r := New(Options{Store: s, CacheBytes: 1 << 20, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
		if withRedis {
			r.shared = newShared(fake)
		}
		all[i] = r
		wg.Go(func() { r.Run(ctx) })
	}
	time.Sleep(3 * time.Second) // in the bubble: until the feeds have begun

	end := time.Now().Add(25 * time.Second)
	pause := func(most int) {
		mu.Lock()
		d := time.Duration(rng.IntN(most)) * time.Millisecond
		mu.Unlock()
		time.Sleep(d)
	}
	for i, r := range all {
		for id := uint64(1); id <= nLinks; id++ {
			for range 2 { // two readers
				wg.Go(func() {
					for time.Now().Before(end) {
						pause(50)
						asked := time.Now()
						answer, err := r.Resolve(ctx, 1, fmt.Sprintf("code-%d", id-1))
						if errors.Is(err, ErrUnavailable) {
							continue
						}
						age := h.age(id, answer.Version, time.Now())
						mu.Lock()
						sum.answers++
						sum.longest = max(sum.longest, age)
						mu.Unlock()
						if err != nil {
							t.Errorf("instance %d, link %d: %v", i, id, err)
						} else if age > bound {
							t.Errorf("instance %d: version %d of link %d served %v after the next one was acknowledged (asked %v ago)",
								i, answer.Version, id, age, time.Since(asked))
						}
					}
				})
			}
		}
	}
	wg.Go(func() { // evictions
		for time.Now().Before(end) {
			pause(30)
			mu.Lock()
			r, id := all[rng.IntN(instances)], rng.IntN(nLinks)
			mu.Unlock()
			r.memory.cache.Invalidate(key{1, fmt.Sprintf("code-%d", id)})
		}
	})
	wg.Go(func() { // disturbances
		for time.Now().Before(end) {
			pause(3000)
			fake.disturb()
		}
	})
	for range 2 { // editors, whose rows become visible out of the order of their seq
		wg.Go(func() {
			for time.Now().Before(end) {
				pause(700)
				mu.Lock()
				id, writer, disable := uint64(rng.IntN(nLinks)+1), all[rng.IntN(instances)], rng.IntN(4) == 0
				mu.Unlock()
				seq := s.begin()
				pause(400)
				s.mu.Lock()
				version := s.links[id].Version
				s.mu.Unlock()
				l, ok := s.commitIf(seq, id, version, func(l *link.Link) {
					l.URL, l.State = fmt.Sprintf("https://v.example/%d", version+1), link.Live
					if disable {
						l.State = link.Disabled
					}
				})
				if !ok {
					continue
				}
				mu.Lock()
				sum.edits++
				mu.Unlock()
				h.acked(l.ID, time.Now())
				writer.Changed(ctx, KindLink, l.ID)
			}
		})
	}
	time.Sleep(time.Until(end) + 3*time.Second)
	stop()
	wg.Wait()
	for i, r := range all {
		r.Close()
		for id := range maps.Keys(h.acks) {
			if e := r.memory.get(key{1, fmt.Sprintf("code-%d", id-1)}); e != nil && h.age(id, e.target.Version, time.Now()) > 0 {
				t.Errorf("instance %d keeps version %d of link %d at rest", i, e.target.Version, id)
			}
		}
	}
	return sum
}

// commitIf commits if nobody else did meanwhile, as an update of a row with its version does.
func (s *table) commitIf(seq, id uint64, version uint32, change func(l *link.Link)) (link.Link, bool) {
	s.mu.Lock()
	same := s.links[id].Version == version
	s.mu.Unlock()
	if !same {
		return link.Link{}, false
	}
	return s.commit(seq, id, change), true
}
