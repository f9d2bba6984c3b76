package resolve

import (
	"context"
	"fmt"
	"sort"
	"time"
)

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
