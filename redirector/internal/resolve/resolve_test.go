package resolve

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"longtail/shared/link"
)

func newRedis(tb testing.TB) (*miniredis.Miniredis, func() redis.UniversalClient) {
	tb.Helper()
	server := miniredis.RunT(tb)
	return server, func() redis.UniversalClient { return newClient(tb, server.Addr()) }
}

func newClient(tb testing.TB, addr string) redis.UniversalClient {
	tb.Helper()
	client, err := OpenRedis("redis://" + addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// countedValues counts what is read from Redis.
type countedValues struct {
	values
	reads atomic.Int64
}

func (v *countedValues) read(ctx context.Context, name string) ([]byte, error) {
	v.reads.Add(1)
	return v.values.read(ctx, name)
}

// TestC1: ten thousand ask eight instances for one cold code at once, and no load ends before all of them have asked.
func TestC1(t *testing.T) {
	const instances, callers = 8, 10_000
	_, client := newRedis(t)
	s := newTable()
	s.create(1, "cold-code", "https://a.example/")
	var asking, wrong atomic.Int64
	s.pause = func(ctx context.Context) {
		for asking.Load() < callers && ctx.Err() == nil {
			pause(ctx, time.Millisecond)
		}
	}
	var all [instances]*Resolver
	var redis [instances]*countedValues
	for i := range all {
		all[i] = newResolver(t, s, client())
		redis[i] = &countedValues{values: all[i].shared.values}
		all[i].shared.values = redis[i]
	}
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			asking.Add(1)
			if all[i%instances].url(1, "cold-code") != "https://a.example/" {
				wrong.Add(1)
			}
		})
	}
	wg.Wait()
	finds, reads, waited := s.finds.Load(), int64(0), callers
	for i, r := range all {
		reads += redis[i].reads.Load()
		waited -= int(testutil.ToFloat64(r.metrics.memory))
	}
	if finds > instances || reads > instances {
		t.Errorf("%d lookups in the database and %d in redis, want at most %d", finds, reads, instances)
	}
	row(t, "C1", waited, int(wrong.Load()), "%d callers at once of which %d found it in no memory; %d instances: %d lookups in the database, %d in redis",
		callers, waited, instances, finds, reads)
}

// TestC2: the first caller gives up at once while a thousand wait for the same load; then a load panics.
func TestC2(t *testing.T) {
	s := newTable()
	s.create(1, "slow-code", "https://a.example/")
	entered, release := make(chan struct{}), make(chan struct{})
	s.pause = func(context.Context) { entered <- struct{}{}; <-release }
	r := newResolver(t, s, nil)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { _, err := r.Resolve(ctx, 1, "slow-code"); first <- err }()
	<-entered
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range 1000 {
		wg.Go(func() {
			if r.url(1, "slow-code") != "https://a.example/" {
				failed.Add(1)
			}
		})
	}
	cancel()
	if err := <-first; !errors.Is(err, ErrUnavailable) {
		t.Errorf("the caller that gave up got %v", err)
	}
	close(release)
	wg.Wait()
	if failed.Load() > 0 || s.finds.Load() > 2 {
		t.Errorf("%d of 1000 waiters failed, %d loads; want 0 and at most 2", failed.Load(), s.finds.Load())
	}

	s.create(1, "panic-code", "https://b.example/")
	s.pause = func(context.Context) { panic("once") }
	before := runtime.NumGoroutine()
	loads := s.finds.Load()
	if _, err := r.Resolve(t.Context(), 1, "panic-code"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a load that panics: %v, want ErrUnavailable", err)
	}
	s.pause = nil
	panicked := s.finds.Load() - loads
	if got := r.url(1, "panic-code"); got != "https://b.example/" {
		t.Errorf("after a load that panicked: %s", got)
	}
	within(t, time.Second, "back to the goroutines of before", func() bool { return runtime.NumGoroutine() <= before })
	row(t, "C2", 1+int(panicked), int(failed.Load()), "the first of 1001 callers gave up: %d loads; a load panicked, the next request found the link, no goroutine stayed", loads)
}

// TestMaxLoads: a slow database is asked by 32 at once at most, whatever comes.
func TestMaxLoads(t *testing.T) {
	s := newTable()
	s.pause = func(context.Context) { time.Sleep(5 * time.Millisecond) }
	r := newResolver(t, s, nil)
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() { r.url(1, fmt.Sprintf("code-%d", i)) })
	}
	wg.Wait()
	if most := s.most.Load(); most > maxLoads {
		t.Errorf("%d loads in the database at once, want %d", most, maxLoads)
	}
}

// TestC3: codes that do not exist cost a lookup only when their check is right, and memory stays within its bound.
func TestC3(t *testing.T) {
	guesses := full(1_000_000, 200_000/scale)
	s := newTable()
	s.codeKey = link.CodeKey{1, 2, 3}
	r := newResolver(t, s, nil)
	run(t, r)
	real := s.codeKey.New()
	s.create(1, real, "https://a.example/")
	guesser := link.CodeKey{9}
	for range guesses {
		if got := r.url(1, guesser.New()); got != link.ErrNotFound.Error() {
			t.Fatalf("a guess: %s", got)
		}
	}
	finds, refused := int(s.finds.Load()), int(testutil.ToFloat64(r.metrics.refused))
	if finds > guesses/100 || refused+finds != guesses {
		t.Errorf("%d guesses cost %d lookups, want at most 1 %%, and %d were refused, want all others", guesses, finds, refused)
	}
	if got := r.url(1, real); got != "https://a.example/" {
		t.Errorf("a real code: %s", got)
	}
	s.note(KindDomain, func() { s.domains[0].ForeignCodes = true })
	r.readSoon()
	imported := guesser.New()
	s.create(1, imported, "https://imported.example/")
	within(t, 2*time.Second, "found", func() bool { return r.url(1, imported) == "https://imported.example/" })
	row(t, "C3", guesses, 0, "%d guesses cost %d lookups, those whose check was right by chance; %d were refused without one", guesses, finds, refused)
}

// TestC4: a code that was asked for before it exists is found on every instance at once after its creation, and
// without the bus a second later.
func TestC4(t *testing.T) {
	tombstones := 0
	var slowest time.Duration
	for _, bus := range []bool{true, false} {
		t.Run(fmt.Sprintf("bus %t", bus), func(t *testing.T) {
			server, client := newRedis(t)
			s := newTable()
			all := []*Resolver{newResolver(t, s, client()), newResolver(t, s, client()), newResolver(t, s, client())}
			for _, r := range all {
				run(t, r)
			}
			within(t, 3*time.Second, "subscribed", func() bool { return server.PubSubNumSub(busChannel)[busChannel] == len(all) })
			if !bus {
				server.SetError("LOADING the data set")
			}
			for _, r := range all {
				if got := r.url(1, "soon-there"); got != link.ErrNotFound.Error() {
					t.Fatalf("before it exists: %s", got)
				}
				if e := r.memory.get(key{1, "soon-there"}); e != nil && e.target == nil {
					tombstones++
				}
			}
			l := s.create(1, "soon-there", "https://a.example/")
			created := time.Now()
			all[0].Warm(t.Context(), []link.Link{l})
			for _, r := range all {
				within(t, 1100*time.Millisecond, "found", func() bool { return r.url(1, "soon-there") == "https://a.example/" })
			}
			slowest = max(slowest, time.Since(created))
		})
	}
	row(t, "C4", tombstones, 0, "%d instances remembered that the code does not exist; found by all at most %v after its creation", tombstones, slowest)
}

// TestC9: without the database what memory and Redis hold is served, the rest is 503, and nothing is remembered as
// not existing.
func TestC9(t *testing.T) {
	_, client := newRedis(t)
	s := newTable()
	s.create(1, "in-memory", "https://a.example/")
	s.create(1, "in-redis", "https://b.example/")
	s.create(1, "in-neither", "https://c.example/")
	r, other := newResolver(t, s, client()), newResolver(t, s, client())
	run(t, r)
	r.url(1, "in-memory")
	other.url(1, "in-redis")
	s.down.Store(true)
	for code, want := range map[string]string{"in-memory": "https://a.example/", "in-redis": "https://b.example/"} {
		if got := r.url(1, code); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
	for _, code := range []string{"in-neither", "never-was"} {
		if _, err := r.Resolve(t.Context(), 1, code); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", code, err)
		}
		if r.memory.get(key{1, code}) != nil {
			t.Errorf("%s is remembered as not existing though nobody could know", code)
		}
	}
	unknown := int(testutil.ToFloat64(r.metrics.unavailable))
	s.down.Store(false)
	within(t, 2*time.Second, "found when the database is back", func() bool { return r.url(1, "in-neither") == "https://c.example/" })
	if _, err := r.Resolve(t.Context(), 1, "never-was"); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("never-was: %v, want ErrNotFound", err)
	}
	row(t, "C9", unknown, 0, "%d codes could not be known while the database was away: none was remembered, all were known after it", unknown)
}

// deafOnce loses the first answer of Redis.
type deafOnce struct {
	values
	heard atomic.Bool
}

func (v *deafOnce) read(ctx context.Context, name string) ([]byte, error) {
	value, err := v.values.read(ctx, name)
	if v.heard.CompareAndSwap(false, true) {
		return nil, context.DeadlineExceeded
	}
	return value, err
}

// One answer of Redis that is lost while the database is away costs nobody the redirect.
func TestC9LostAnswer(t *testing.T) {
	_, client := newRedis(t)
	s := newTable()
	s.create(1, "in-redis", "https://a.example/")
	newResolver(t, s, client()).expect(t, "in-redis", "https://a.example/")
	s.down.Store(true)
	r := newResolver(t, s, client())
	deaf := &deafOnce{values: r.shared.values}
	r.shared.values = deaf
	r.expect(t, "in-redis", "https://a.example/")
	if !deaf.heard.Load() {
		t.Error("Redis was not asked")
	}
}

// TestC10: a process that starts with nothing reachable lives, is not ready, and becomes so when either store is back.
func TestC10(t *testing.T) {
	server, client := newRedis(t)
	s := newTable()
	s.create(1, "a-code", "https://a.example/")
	run(t, newResolver(t, s, client())) // leaves the small sets in Redis
	within(t, 2*time.Second, "in redis", func() bool { return server.Exists(setsKey) })

	var took []time.Duration
	recovers := func(t *testing.T, ready func() bool) {
		t.Helper()
		began := time.Now()
		within(t, 5*time.Second, "ready", ready)
		took = append(took, time.Since(began))
	}
	t.Run("redis returns", func(t *testing.T) {
		s.down.Store(true)
		server.SetError("LOADING the data set")
		r := newResolver(t, s, client())
		start(t, r)
		if r.url(1, "a-code"); r.Ready() {
			t.Fatal("ready with nothing reachable")
		}
		server.SetError("")
		recovers(t, r.Ready)
		if d := r.Domain("b.example"); d.ID != 2 {
			t.Errorf("domain %+v out of redis", d)
		}
	})
	t.Run("the database returns", func(t *testing.T) {
		s.down.Store(true)
		server.SetError("LOADING the data set")
		r := newResolver(t, s, client())
		start(t, r)
		if got := r.url(1, "a-code"); !strings.Contains(got, ErrUnavailable.Error()) {
			t.Errorf("with nothing reachable: %s", got)
		}
		s.down.Store(false)
		recovers(t, func() bool { return r.Ready() && r.url(1, "a-code") == "https://a.example/" })
	})
	row(t, "C10", len(took), 0, "started with nothing reachable; ready so long after Redis, and after the database, came back: %v", took)
}

// TestC13: the same code on two domains is two links, whatever order they are asked in.
func TestC13(t *testing.T) {
	_, client := newRedis(t)
	s := newTable()
	s.create(1, "same-code", "https://one.example/")
	s.create(2, "same-code", "https://two.example/")
	s.create(2, "only-two", "https://two.example/")
	r := newResolver(t, s, client())
	run(t, r)
	want := map[string]string{"t.example": "https://one.example/", "b.example": "https://two.example/", "unknown.example": "https://one.example/"}
	var wg sync.WaitGroup
	var wrong atomic.Int64
	const rounds = 4000
	for range rounds {
		for host, url := range want {
			wg.Go(func() {
				if got := r.url(r.Domain(host).ID, "same-code"); got != url {
					wrong.Add(1)
				}
			})
		}
	}
	wg.Wait()
	if got := r.url(1, "only-two"); got != link.ErrNotFound.Error() {
		t.Errorf("a code of another domain: %s", got)
	}
	row(t, "C13", rounds*len(want), int(wrong.Load()), "%d requests for one code on two domains and an unknown one, mixed", rounds*len(want))
}

func TestResolveAllocates(t *testing.T) {
	s := newTable()
	s.create(1, "a-code", "https://a.example/")
	r := newResolver(t, s, nil)
	run(t, r)
	r.url(1, "a-code")
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := r.Resolve(t.Context(), r.Domain("t.example").ID, "a-code"); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a hit in memory allocates %v times, want 0", n)
	}
}

func TestDomain(t *testing.T) {
	r := newResolver(t, newTable(), nil)
	if d := r.Domain("t.example"); d.ID != 0 {
		t.Errorf("before any is known: %+v", d)
	}
	run(t, r)
	for host, want := range map[string]uint32{
		"t.example": 1, "b.example": 2, "B.Example": 2, "b.example:8080": 2, "B.EXAMPLE.:443": 2, "b.example.": 2, "b.example:": 2,
		"": 1, "unknown.example": 1, "[::1]:8080": 1, "[::1]": 1, "127.0.0.1:8080": 1, ":80": 1, "b.example.evil.example": 1,
		"b.example\x00": 1, "b.example, t.example": 1, " b.example": 1, "b.example:80:80": 1, "\xff\xfe": 1, "xb.example": 1,
	} {
		if d := r.Domain(host); d.ID != want {
			t.Errorf("host %q is domain %d, want %d", host, d.ID, want)
		}
	}
}

func BenchmarkResolveMemory(b *testing.B) {
	s := newTable()
	s.create(1, "a-code", "https://a.example/")
	r := newResolver(b, s, nil)
	r.url(1, "a-code")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Resolve(b.Context(), 1, "a-code"); err != nil {
			b.Fatal(err)
		}
	}
}
