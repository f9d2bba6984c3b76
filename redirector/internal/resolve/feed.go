package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Kind is what a change is of, in the numbers of the table changes.
type Kind uint8

// The kinds of changes.
const (
	KindLink     Kind = 1
	KindCampaign Kind = 2
	KindDomain   Kind = 3
	KindKey      Kind = 4
	KindAccount  Kind = 5
)

// A Change is a row of the feed.
type Change struct {
	Seq     uint64
	Kind    Kind
	Object  uint64 // the link's id, if it is one
	Version uint32
	AtMS    int64
}

const (
	// feedWindow is how long a row may become visible after a row with a higher seq: longer than any transaction
	// that writes one can last.
	feedWindow = 15 * time.Second
	// clockSlack is how far the clocks of the programs that write rows may lie apart.
	clockSlack = time.Minute
	feedPage   = 1000
	feedWait   = 5 * time.Second // for one reading
)

// feed is how far the changes were read. Only the follower touches it.
type feed struct {
	started bool
	after   uint64           // every row up to here is known
	seen    map[uint64]int64 // ms at which rows behind after were first seen
	dirty   bool             // the small sets must be read again
	rewind  uint64           // rows from this one on must be told to Redis once more; 0 = none
	setsMS  int64            // when the small sets were last put into Redis
	failing bool
}

// follow reads the feed every second, and at once when somebody says that there is something in it.
func (r *Resolver) follow(ctx context.Context) {
	tick := time.NewTicker(feedPeriod)
	defer tick.Stop()
	for {
		err := r.readFeed(ctx)
		if err != nil && r.sets.Load() == nil {
			err = errors.Join(err, r.borrowSets(ctx))
		}
		r.noteFeed(ctx, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.wake:
		}
	}
}

// noteFeed logs when the feed begins to fail, and when that ends.
func (r *Resolver) noteFeed(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && !r.feed.failing {
		r.log.Warn("feed of changes cannot be read, links stay as last known", "error", err)
	}
	if err == nil && r.feed.failing {
		r.log.Info("feed of changes is read again")
	}
	r.feed.failing = err != nil
}

// readFeed brings memory, the small sets and Redis up to the end of the feed, page by page.
func (r *Resolver) readFeed(ctx context.Context) error {
	now := time.Now().UnixMilli()
	if err := r.startFeed(ctx); err != nil {
		return err
	}
	moving := true
	for after, more := r.feed.after, true; more; {
		page, err := r.readPage(ctx, after, now)
		if err != nil {
			return err
		}
		moving = r.settle(page, now, moving)
		if more = len(page) == feedPage; more {
			after = page[len(page)-1].Seq
		}
	}
	if r.feed.dirty {
		if err := r.readSets(ctx); err != nil {
			return err
		}
	}
	r.caughtUp.Store(now)
	r.repairRedis(ctx, now)
	r.floors.prune(now, r.shared != nil)
	return nil
}

// readPage reads the rows behind after and does what those say that were not seen before.
func (r *Resolver) readPage(ctx context.Context, after uint64, now int64) ([]Change, error) {
	ctx, cancel := context.WithTimeout(ctx, feedWait)
	defer cancel()
	page, err := r.store.Changes(ctx, after, feedPage)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	targets, err := r.findTargets(ctx, r.raiseFloors(page, now))
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		r.memory.repair(t, now)
	}
	r.tell(ctx, targets)
	return page, nil
}

// startFeed finds where to begin: with Redis, at the age of the oldest value that it can hold, because nobody may have
// been there to repair them; without it, at the window before now.
func (r *Resolver) startFeed(ctx context.Context) error {
	if r.feed.started {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, feedWait)
	defer cancel()
	if r.codeKey.Load() == nil {
		codeKey, err := r.store.CodeKey(ctx)
		if err != nil {
			return fmt.Errorf("read the key of codes: %w", err)
		}
		r.codeKey.Store(&codeKey)
	}
	back := feedWindow + clockSlack
	if r.shared != nil {
		back += targetLife
	}
	after, err := r.seqBefore(ctx, time.Now().Add(-back).UnixMilli())
	if err != nil {
		return err
	}
	r.feed.after, r.feed.started = after, true
	return nil
}

// borrowSets takes the small sets from Redis while the database is away and none are known.
func (r *Resolver) borrowSets(ctx context.Context) error {
	if r.shared == nil || r.sets.Load() != nil {
		return nil
	}
	kept, err := r.shared.sets(ctx)
	if kept != nil {
		r.sets.CompareAndSwap(nil, kept)
		r.log.Info("domains are known from redis, the database is away", "domains", len(kept.Domains))
	}
	return err
}

// seqBefore returns a seq with only rows of before ms up to it. Rows lie nearly in the order of their times, which the
// caller's slack covers.
func (r *Resolver) seqBefore(ctx context.Context, ms int64) (uint64, error) {
	last, err := r.store.LastChange(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the feed's end: %w", err)
	}
	var failed error
	n := sort.Search(int(last), func(i int) bool {
		if failed != nil {
			return true
		}
		rows, err := r.store.Changes(ctx, uint64(i), 1)
		failed = err
		return len(rows) == 0 || rows[0].AtMS >= ms
	})
	if failed != nil {
		return 0, fmt.Errorf("look for the feed's start: %w", failed)
	}
	return uint64(n), nil
}

// raiseFloors notes what the rows that were not seen before say, and returns the links they are of. From here on no
// load in progress can bring back what they replaced.
func (r *Resolver) raiseFloors(rows []Change, now int64) []uint64 {
	var changed []uint64
	for _, row := range rows {
		if _, seen := r.feed.seen[row.Seq]; seen {
			continue
		}
		if row.Kind != KindLink {
			r.feed.dirty = true
			continue
		}
		changed = append(changed, row.Object)
		if !r.floors.raise(row.Object, uint64(row.Version), now) {
			r.epoch.Add(1)
			r.distrust.Store(true)
			if r.feed.rewind == 0 {
				r.feed.rewind = row.Seq
			}
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}

func (r *Resolver) findTargets(ctx context.Context, ids []uint64) ([]*Target, error) {
	targets := make([]*Target, 0, len(ids))
	for some := range slices.Chunk(ids, feedPage/2) {
		links, err := r.store.FindLinks(ctx, some)
		if err != nil {
			return nil, fmt.Errorf("read %d changed links: %w", len(some), err)
		}
		for i := range links {
			targets = append(targets, Of(&links[i]))
		}
	}
	return targets, nil
}

// settle marks rows as seen and moves the start behind those that nothing can precede any more, as long as all before
// them were such. It reports whether all of these were.
func (r *Resolver) settle(rows []Change, now int64, moving bool) bool {
	for _, row := range rows {
		first, seen := r.feed.seen[row.Seq]
		if !seen {
			first = now
		}
		old := now-first > feedWindow.Milliseconds() || now-row.AtMS > (feedWindow+clockSlack).Milliseconds()
		if moving = moving && old; moving {
			r.feed.after = row.Seq
			delete(r.feed.seen, row.Seq)
			continue
		}
		r.feed.seen[row.Seq] = first
	}
	return moving
}

// readSets reads the small sets whole and swaps them in.
func (r *Resolver) readSets(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedWait)
	defer cancel()
	next := &sets{}
	var err error
	for _, read := range [...]func() error{
		func() error { next.Seq, err = r.store.LastChange(ctx); return err },
		func() error { next.Domains, err = r.store.Domains(ctx); return err },
		func() error { next.StoppedKeys, err = r.store.StoppedKeys(ctx); return err },
		func() error { next.StoppedAccounts, err = r.store.StoppedAccounts(ctx); return err },
		func() error { next.RedirectAll, err = r.store.RedirectAll(ctx); return err },
	} {
		if err := read(); err != nil {
			return fmt.Errorf("read domains, stopped keys and accounts, and redirected campaigns: %w", err)
		}
	}
	r.sets.Store(next.index())
	r.feed.dirty, r.feed.setsMS = false, 0
	return nil
}

// repairRedis tells Redis of every link that changed and of which it was not told yet: a Redis that was away comes
// back with the values of before.
func (r *Resolver) repairRedis(ctx context.Context, now int64) {
	if r.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, feedWait)
	defer cancel()
	switch ids := r.floors.untold(feedPage / 2); {
	case len(ids) > 0 && r.shared.breaker.State() != gobreaker.StateOpen:
		targets, err := r.findTargets(ctx, ids)
		if err != nil || !r.tell(ctx, targets) {
			return
		}
		r.floors.forget(ids) // those that were not found
	case len(ids) == 0 && r.feed.rewind != 0:
		r.feed.after, r.feed.rewind = r.feed.rewind-1, 0
		clear(r.feed.seen)
	case len(ids) == 0:
		r.distrust.Store(false)
	}
	if now-r.feed.setsMS > time.Minute.Milliseconds() && r.shared.storeSets(ctx, r.sets.Load()) == nil {
		r.feed.setsMS = now
	}
}

// tell writes targets to Redis and notes that it has them.
func (r *Resolver) tell(ctx context.Context, targets []*Target) bool {
	if r.shared == nil {
		return false
	}
	for some := range slices.Chunk(targets, 100) {
		if err := r.shared.store(ctx, some); err != nil {
			r.metrics.redisErrors.Inc()
			return false
		}
		for _, t := range some {
			r.floors.tell(t.ID, t.Version)
		}
	}
	return true
}

// feedAge returns the seconds since the feed was last read to its end, -1 when it never was.
func (r *Resolver) feedAge() float64 {
	at := r.caughtUp.Load()
	if at == 0 {
		return -1
	}
	return time.Since(time.UnixMilli(at)).Seconds()
}
