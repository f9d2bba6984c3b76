package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"longtail/shared/link"
)

// bubble makes a resolver in a synctest bubble; stop ends it before the bubble does.
func bubble(s Store, v values) (r *Resolver, stop func()) {
	r = New(Options{Store: s, CacheBytes: 1 << 20, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if v != nil {
		r.shared = newShared(v)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	return r, func() { cancel(); <-done; r.Close() }
}

func newFake() *fakeRedis {
	return &fakeRedis{rng: rand.New(rand.NewPCG(1, 1)), kept: map[string][]byte{}}
}

func (f *fakeRedis) fail(failed, stuck bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed, f.stuck = failed, stuck
}

func (r *Resolver) expect(t *testing.T, code, want string) {
	t.Helper()
	if got := r.url(1, code); got != want {
		t.Errorf("%s: %s, want %s", code, got, want)
	}
}

// A Redis that hung while a link was edited comes back with the old target. Nobody may read it, however long it hung.
func TestRedisHungDuringEdit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, fake := newTable(), newFake()
		l := s.create(1, "a-code", "https://old.example/")
		r, stop := bubble(s, fake)
		time.Sleep(3 * time.Second)
		r.expect(t, "a-code", "https://old.example/")
		fake.fail(true, false)
		s.edit(l.ID, func(l *link.Link) { l.URL = "https://new.example/" })
		time.Sleep(10 * time.Minute)
		r.expect(t, "a-code", "https://new.example/")
		fake.fail(false, false)
		r.memory.cache.Invalidate(key{1, "a-code"})
		r.expect(t, "a-code", "https://new.example/")
		time.Sleep(10 * time.Second)
		stop()
		if kept, err := decodeTarget(key{1, "a-code"}, fake.kept[targetKey(key{1, "a-code"})]); err != nil || kept.Version != 2 {
			t.Errorf("redis keeps %+v, %v", kept, err)
		}
	})
}

// A Redis that can be read and not written keeps the old target for all to see. It is not believed, and the database
// is asked instead.
func TestRedisStuckDuringEdit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, fake := newTable(), newFake()
		l := s.create(1, "a-code", "https://old.example/")
		r, stop := bubble(s, fake)
		defer stop()
		time.Sleep(3 * time.Second)
		r.expect(t, "a-code", "https://old.example/")
		fake.fail(false, true)
		s.edit(l.ID, func(l *link.Link) { l.URL = "https://new.example/" })
		time.Sleep(2 * time.Second)
		for range 300 {
			r.memory.cache.Invalidate(key{1, "a-code"})
			r.expect(t, "a-code", "https://new.example/")
			time.Sleep(time.Second)
		}
	})
}

// More edits than floors while Redis is away: it is not believed until all of them were told.
func TestRedisMissedMoreThanFloors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, fake := newTable(), newFake()
		const many = 20
		for i := range many {
			s.create(1, fmt.Sprintf("code-%d", i), "https://old.example/")
		}
		r, stop := bubble(s, fake)
		r.floors.mu.Lock()
		r.floors.limit = many / 4
		r.floors.mu.Unlock()
		time.Sleep(3 * time.Second)
		for i := range many {
			r.expect(t, fmt.Sprintf("code-%d", i), "https://old.example/")
		}
		fake.fail(true, false)
		for id := range many {
			s.edit(uint64(id+1), func(l *link.Link) { l.URL = "https://new.example/" })
		}
		time.Sleep(time.Minute)
		fake.fail(false, true)
		for range 100 {
			code := fmt.Sprintf("code-%d", rand.IntN(many))
			r.memory.cache.Invalidate(key{1, code})
			r.expect(t, code, "https://new.example/")
			time.Sleep(time.Second)
		}
		fake.fail(false, false)
		for range 400 { // while floors are told, dropped and raised again
			code := fmt.Sprintf("code-%d", rand.IntN(many))
			r.memory.cache.Invalidate(key{1, code})
			r.expect(t, code, "https://new.example/")
			time.Sleep(time.Second)
		}
		stop()
		for name, value := range fake.kept {
			if name != setsKey && value[8] != 2 {
				t.Errorf("redis keeps version %d of %s", value[8], name)
			}
		}
		if r.distrust.Load() {
			t.Error("redis is never believed again")
		}
	})
}

// An edit that no redirector saw, because none lived, is repaired by the next one that starts.
func TestStartRepairsRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, fake := newTable(), newFake()
		for i := range 50 {
			s.create(1, fmt.Sprintf("code-%d", i), "https://old.example/")
			s.edit(uint64(i+1), func(*link.Link) {})
		}
		time.Sleep(48 * time.Hour)
		r, stop := bubble(s, fake)
		time.Sleep(3 * time.Second)
		r.expect(t, "code-7", "https://old.example/")
		stop()
		s.edit(8, func(l *link.Link) { l.State = link.Disabled })
		time.Sleep(targetLife - time.Minute)
		s.edit(9, func(*link.Link) {})
		r, stop = bubble(s, fake)
		for !r.Ready() {
			time.Sleep(time.Millisecond)
		}
		r.expect(t, "code-7", "gone")
		stop()
		if r.feed.after < 50 || r.feed.after > 51 {
			t.Errorf("the feed began so that it stands at %d, want behind the rows of two days ago only", r.feed.after)
		}
	})
}

// With no store at all the last known target is served for 24 h, and not longer.
func TestStaleForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTable()
		s.create(1, "a-code", "https://a.example/")
		r, stop := bubble(s, nil)
		defer stop()
		time.Sleep(2 * time.Second)
		r.expect(t, "a-code", "https://a.example/")
		time.Sleep(25 * time.Hour) // the feed confirms it all the time
		r.expect(t, "a-code", "https://a.example/")
		s.down.Store(true)
		time.Sleep(staleLife - time.Minute)
		r.expect(t, "a-code", "https://a.example/")
		time.Sleep(2 * time.Minute)
		if _, err := r.Resolve(t.Context(), 1, "a-code"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("after a day: %v, want ErrUnavailable", err)
		}
		s.down.Store(false)
		time.Sleep(2 * time.Second)
		r.expect(t, "a-code", "https://a.example/")
	})
}

// The small sets switch links without touching them, within a second.
func TestSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, fake := newTable(), newFake()
		l := s.create(1, "a-code", "https://a.example/")
		stopped := [8]byte{1, 2, 3}
		s.edit(l.ID, func(l *link.Link) { l.KeyID, l.Forward = stopped, []string{"q"} })
		r, stop := bubble(s, fake)
		defer stop()
		time.Sleep(3 * time.Second)
		r.expect(t, "a-code", "https://a.example/")
		for _, step := range []struct {
			kind   Kind
			change func()
			want   string
		}{
			{KindCampaign, func() { s.redirect[l.Campaign] = "https://elsewhere.example/" }, "https://elsewhere.example/"},
			{KindKey, func() { s.keys = [][8]byte{stopped} }, "gone"},
			{KindKey, func() { s.keys = nil }, "https://elsewhere.example/"},
			{KindAccount, func() { s.accounts = []uint32{l.Account} }, "gone"},
			{KindAccount, func() { s.accounts = nil }, "https://elsewhere.example/"},
			{KindCampaign, func() { clear(s.redirect) }, "https://a.example/"},
		} {
			s.note(step.kind, step.change)
			time.Sleep(feedPeriod + 100*time.Millisecond)
			r.expect(t, "a-code", step.want)
		}
		s.note(KindDomain, func() { s.domains[1].FallbackURL = "https://home.example/" })
		time.Sleep(feedPeriod + 100*time.Millisecond)
		if d := r.Domain("b.example"); d.FallbackURL != "https://home.example/" {
			t.Errorf("domain %+v", d)
		}
	})
}

// The epoch rises once when the bus falls silent and once when it speaks again.
func TestEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t, newTable(), nil)
		bus := make(chan *redis.Message)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.hear(ctx, bus) }()
		expect := func(when string, want uint64) {
			t.Helper()
			synctest.Wait()
			if got := r.epoch.Load(); got != want {
				t.Errorf("%s: epoch %d, want %d", when, got, want)
			}
		}
		for range 10 {
			bus <- &redis.Message{Payload: busBeat}
			time.Sleep(beatPeriod)
		}
		expect("beating", 0)
		time.Sleep(busSilence)
		expect("silent for a second", 1)
		time.Sleep(time.Hour)
		expect("silent for an hour", 1)
		bus <- &redis.Message{Payload: busBeat}
		expect("speaking again", 2)
		time.Sleep(busSilence / 2)
		bus <- &redis.Message{Payload: "a word of a later version"}
		expect("beating", 2)
		cancel()
		<-done
		r.Close()
	})
}

// A load that began before the bus fell silent is read again: the hint of an edit may have been lost.
func TestEpochDiscardsLoads(t *testing.T) {
	s := newTable()
	s.create(1, "a-code", "https://old.example/")
	r := newResolver(t, s, nil)
	s.pause = func(context.Context) {
		s.pause = nil
		s.mu.Lock()
		l := s.links[1]
		l.URL = "https://new.example/"
		s.links[1] = l
		s.mu.Unlock()
		r.epoch.Add(1)
	}
	r.expect(t, "a-code", "https://new.example/")
	if finds := s.finds.Load(); finds != 2 {
		t.Errorf("%d loads, want 2", finds)
	}
}
