package resolve

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"longtail/shared/link"
)

var errDown = errors.New("the database is down")

// table is a Store in memory.
type table struct {
	mu       sync.Mutex
	links    map[uint64]link.Link
	codes    map[key]uint64
	changes  map[uint64]Change
	seq      uint64
	domains  []Domain
	keys     [][8]byte
	accounts []uint32
	redirect map[uint64]string
	codeKey  link.CodeKey

	down   atomic.Bool
	finds  atomic.Int64 // calls of FindLink
	inside atomic.Int64 // calls of FindLink that have not returned
	most   atomic.Int64
	// pause, if set, is called by FindLink after the row was read and before it is returned.
	pause func(ctx context.Context)
}

func newTable() *table {
	return &table{
		links: map[uint64]link.Link{}, codes: map[key]uint64{}, changes: map[uint64]Change{},
		domains:  []Domain{{ID: 1, Account: 1, Host: "t.example", Default: true}, {ID: 2, Account: 2, Host: "b.example"}},
		redirect: map[uint64]string{},
	}
}

func (s *table) FindLink(ctx context.Context, domain uint32, code string) (link.Link, error) {
	s.finds.Add(1)
	now := s.inside.Add(1)
	defer s.inside.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	if s.down.Load() {
		return link.Link{}, errDown
	}
	s.mu.Lock()
	id, found := s.codes[key{domain, code}]
	l := s.links[id]
	s.mu.Unlock()
	if s.pause != nil {
		s.pause(ctx)
	}
	if err := ctx.Err(); err != nil {
		return link.Link{}, err
	}
	if !found {
		return link.Link{}, link.ErrNotFound
	}
	return l, nil
}

func (s *table) FindLinks(_ context.Context, ids []uint64) ([]link.Link, error) {
	return locked(s, func() (found []link.Link) {
		for _, id := range ids {
			if l, ok := s.links[id]; ok {
				found = append(found, l)
			}
		}
		return found
	})
}

func (s *table) Changes(_ context.Context, after uint64, limit int) ([]Change, error) {
	return locked(s, func() (rows []Change) {
		for _, seq := range slices.Sorted(maps.Keys(s.changes)) {
			if seq > after && len(rows) < limit {
				rows = append(rows, s.changes[seq])
			}
		}
		return rows
	})
}

func (s *table) LastChange(context.Context) (uint64, error) {
	return locked(s, func() (last uint64) {
		for seq := range s.changes {
			last = max(last, seq)
		}
		return last
	})
}

func (s *table) Domains(context.Context) ([]Domain, error) {
	return locked(s, func() []Domain { return slices.Clone(s.domains) })
}

func (s *table) StoppedKeys(context.Context) ([][8]byte, error) {
	return locked(s, func() [][8]byte { return slices.Clone(s.keys) })
}

func (s *table) StoppedAccounts(context.Context) ([]uint32, error) {
	return locked(s, func() []uint32 { return slices.Clone(s.accounts) })
}

func (s *table) RedirectAll(context.Context) (map[uint64]string, error) {
	return locked(s, func() map[uint64]string { return maps.Clone(s.redirect) })
}

func (s *table) CodeKey(context.Context) (link.CodeKey, error) {
	return locked(s, func() link.CodeKey { return s.codeKey })
}

func locked[T any](s *table, read func() T) (T, error) {
	if s.down.Load() {
		var none T
		return none, errDown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return read(), nil
}

// create commits a new link.
func (s *table) create(domain uint32, code, url string) link.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := uint64(len(s.links) + 1)
	l := link.Link{ID: id, Domain: domain, Code: code, Account: domain, Campaign: uint64(domain) * 10, URL: url, State: link.Live, Version: 1}
	s.links[id], s.codes[key{domain, code}] = l, id
	return l
}

// edit commits a change of a link with its row of the feed.
func (s *table) edit(id uint64, change func(l *link.Link)) link.Link {
	return s.commit(s.begin(), id, change)
}

// begin takes the seq of a change that will be committed later.
func (s *table) begin() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	return s.seq
}

func (s *table) commit(seq, id uint64, change func(l *link.Link)) link.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.links[id]
	change(&l)
	l.Version++
	s.links[id] = l
	s.changes[seq] = Change{Seq: seq, Kind: KindLink, Object: id, Version: l.Version, AtMS: time.Now().UnixMilli()}
	return l
}

// note commits a change of one of the small sets.
func (s *table) note(kind Kind, change func()) {
	seq := s.begin()
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.changes[seq] = Change{Seq: seq, Kind: kind, Object: 1, Version: 1, AtMS: time.Now().UnixMilli()}
}

// newResolver makes a resolver and closes it at the test's end.
func newResolver(tb testing.TB, s Store, client redis.UniversalClient) *Resolver {
	tb.Helper()
	r := New(Options{
		Store: s, Redis: client, CacheBytes: 64 << 20, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	tb.Cleanup(r.Close)
	return r
}

// run starts a resolver and waits until it is ready.
func run(tb testing.TB, r *Resolver) {
	tb.Helper()
	start(tb, r)
	within(tb, 5*time.Second, "ready", r.Ready)
}

func start(tb testing.TB, r *Resolver) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	tb.Cleanup(func() { cancel(); <-done })
}

// within waits until a condition holds.
func within(tb testing.TB, limit time.Duration, what string, holds func() bool) {
	tb.Helper()
	deadline := time.Now().Add(limit)
	for !holds() {
		if time.Now().After(deadline) {
			tb.Fatalf("not %s within %v", what, limit)
		}
		time.Sleep(time.Millisecond) // between two looks, not instead of one
	}
}

func (r *Resolver) url(domain uint32, code string) string {
	t, err := r.Resolve(context.Background(), domain, code)
	switch {
	case err != nil:
		return err.Error()
	case t.State != link.Live:
		return "gone"
	}
	return t.URL
}
