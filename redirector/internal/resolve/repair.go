package resolve

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sony/gobreaker/v2"
)

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

// findTargets reads links from the database.
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
