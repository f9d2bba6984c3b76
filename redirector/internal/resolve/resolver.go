// Package resolve is the second step of the click's way: it knows which link a code is, and asks for it as close by as
// it can.
//
//	memory (bounded by bytes)  ->  Redis (what all redirectors know)  ->  the database
//
// A redirect in the burst costs the database nothing. What makes that safe is the feed of changes: every edit of a
// link, campaign, domain, key or account leaves a row in the table changes, each redirector reads them every second
// and repairs memory and Redis; the bus (Redis pub/sub) only says that reading now is worth while. With no store at
// all the last known target is served for at most 24 h.
package resolve

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/singleflight"

	"longtail/shared/link"
)

const (
	loadWait   = 2 * time.Second // the longest a click waits for its link
	staleLife  = 24 * time.Hour  // of an entry that no store confirms
	maxLoads   = 32              // in the database at once
	feedPeriod = time.Second
)

// A Store is the database, always its primary.
type Store interface {
	// FindLink returns the link of a code, in whatever state it is, or link.ErrNotFound.
	FindLink(ctx context.Context, domain uint32, code string) (link.Link, error)
	// FindLinks returns those of the links that exist, in any order.
	FindLinks(ctx context.Context, ids []uint64) ([]link.Link, error)
	// Changes returns up to limit rows of the feed with a higher seq, in its order. Rows may become visible out of it.
	Changes(ctx context.Context, afterSeq uint64, limit int) ([]Change, error)
	// LastChange returns the feed's highest seq, 0 when it is empty.
	LastChange(ctx context.Context) (uint64, error)
	// The small sets, each of them whole.
	Domains(ctx context.Context) ([]Domain, error)
	StoppedKeys(ctx context.Context) ([][8]byte, error)
	StoppedAccounts(ctx context.Context) ([]uint32, error)
	RedirectAll(ctx context.Context) (map[uint64]string, error)
	// CodeKey returns the key with which generated codes are checked.
	CodeKey(ctx context.Context) (link.CodeKey, error)
}

// Options are what a Resolver is made of. All are required, but for Redis.
type Options struct {
	Store      Store
	Redis      redis.UniversalClient // nil: there is no second tier and no bus
	CacheBytes uint64                // bound of the memory tier
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// A Resolver finds links. It is safe for concurrent use. It answers from its three tiers as soon as it is made, but
// only while Run runs are changes seen.
type Resolver struct {
	store   Store
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}] // of the store, for clicks
	memory  *memory
	shared  *shared // nil without Redis
	floors  *floors
	sets    atomic.Pointer[sets]         // nil until known
	codeKey atomic.Pointer[link.CodeKey] // nil until known

	flights  singleflight.Group
	loading  sync.WaitGroup
	slots    chan struct{} // held by each load in the database
	epoch    atomic.Uint64 // rises when the bus falls silent or speaks again: discards the loads in progress
	caughtUp atomic.Int64  // ms of the last time that the feed was read to its end
	distrust atomic.Bool   // too many edits for floors: Redis may hold values of before any of them
	wake     chan struct{} // reads the feed now
	feed     feed

	log     *slog.Logger
	metrics *metrics
}

// New makes a Resolver.
func New(o Options) *Resolver {
	r := &Resolver{
		store:  o.Store,
		memory: newMemory(o.CacheBytes),
		floors: newFloors(),
		slots:  make(chan struct{}, maxLoads),
		wake:   make(chan struct{}, 1),
		log:    o.Log.With("component", "resolve"),
		breaker: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			Name:        "database",
			Timeout:     500 * time.Millisecond,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 8 },
		}),
	}
	if o.Redis != nil {
		r.shared = newShared(redisValues{o.Redis})
	}
	r.feed.seen, r.feed.dirty = map[uint64]int64{}, true
	r.metrics = newMetrics(o.Registerer, r)
	return r
}

// Run follows the changes and the bus until ctx ends.
func (r *Resolver) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { r.follow(ctx) })
	if r.shared != nil {
		wg.Go(func() { r.beat(ctx) })
		wg.Go(func() { r.listen(ctx) })
	}
	wg.Wait()
}

// Close waits for the loads in progress and ends the cache's housekeeping. No click may come after it.
func (r *Resolver) Close() {
	r.loading.Wait()
	r.memory.close()
}

// Ready reports whether links can be found: the domains are known, from the database or, while it is away, from Redis.
// It stays true.
func (r *Resolver) Ready() bool { return r.sets.Load() != nil }

// Resolve returns the target of a well-shaped code in lower case, with the small sets applied. It returns
// link.ErrNotFound when the code does not exist, and ErrUnavailable when that cannot be known now.
func (r *Resolver) Resolve(ctx context.Context, domain uint32, code string) (Target, error) {
	k := key{domain, code}
	if e := r.memory.get(k); e != nil && r.fresh(e) {
		r.metrics.memory.Inc()
		return r.answer(e)
	}
	if !r.mayExist(k) {
		r.metrics.refused.Inc()
		return Target{}, link.ErrNotFound
	}
	e, err := r.load(ctx, k)
	if err != nil {
		return Target{}, err
	}
	return r.answer(e)
}

func (r *Resolver) answer(e *entry) (Target, error) {
	if e.target == nil {
		return Target{}, link.ErrNotFound
	}
	if s := r.sets.Load(); s != nil {
		return s.apply(*e.target), nil
	}
	return *e.target, nil
}

// fresh reports whether an entry may still be served: somebody confirmed it within staleLife, whoever brought it or
// the feed since.
func (r *Resolver) fresh(e *entry) bool {
	confirmed := max(e.loadedMS, r.caughtUp.Load())
	return time.Now().UnixMilli()-confirmed < staleLife.Milliseconds()
}

// mayExist reports false for a generated code whose check is wrong: 99.9 % of guesses end here. It says nothing while
// the key is not known, and nothing on domains with codes of another maker.
func (r *Resolver) mayExist(k key) bool {
	codeKey, s := r.codeKey.Load(), r.sets.Load()
	if codeKey == nil || s == nil || !link.Generated(k.code) {
		return true
	}
	d := s.ids[k.domain]
	return d == nil || d.ForeignCodes || codeKey.Checks(k.code)
}
