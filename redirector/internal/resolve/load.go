package resolve

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"longtail/shared/link"
)

// maxTries bounds how often one load starts again because what it read was overtaken meanwhile.
const maxTries = 3

// load brings a code from the tiers behind memory. All who ask for it at once wait for one load; each leaves when its
// own ctx ends, and the load goes on for the others.
func (r *Resolver) load(ctx context.Context, k key) (*entry, error) {
	k.code = strings.Clone(k.code) // it points into a request
	flight := strconv.FormatUint(uint64(k.domain), 10) + ":" + k.code
	for asked := time.Now(); ; {
		done := r.flights.DoChan(flight, func() (any, error) { return r.loadOnce(k) })
		select {
		case result := <-done:
			if result.Err != nil {
				return nil, result.Err
			}
			e := result.Val.(*entry)
			if e.target == nil && asked.Sub(time.UnixMilli(e.loadedMS)) > tombstoneLife {
				continue // a slow load of before this click: the code may have been created since
			}
			return e, nil
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
}

// loadOnce is one load, apart from whoever asked for it. It fills memory, unless what it read was overtaken: by the
// floor of an edit, or by an epoch, when hints of edits may have been missed. Then it reads again.
func (r *Resolver) loadOnce(k key) (e *entry, err error) {
	r.loading.Add(1)
	defer r.loading.Done()
	defer func() {
		if p := recover(); p != nil { // it must not take the process with it, nor leave the code without an answer
			r.log.Error("panic while loading a link", "panic", p, "stack", string(debug.Stack()))
			e, err = nil, ErrUnavailable
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	for range maxTries {
		if e := r.memory.get(k); e != nil && r.fresh(e) { // another load ended between the miss and this one
			return e, nil
		}
		epoch := r.epoch.Load()
		e := &entry{loadedMS: time.Now().UnixMilli()}
		if e.target, err = r.read(ctx, k); err != nil {
			r.metrics.unavailable.Inc()
			return nil, err
		}
		if epoch != r.epoch.Load() {
			r.metrics.discarded.Inc()
			continue
		}
		if kept, ok := r.memory.fill(k, e, r.floors.least); ok {
			return kept, nil
		}
		r.metrics.discarded.Inc()
	}
	return nil, fmt.Errorf("%w: the link changes faster than it loads", ErrUnavailable)
}

// read asks Redis and then the database. It returns nil when the database says that there is no such code.
func (r *Resolver) read(ctx context.Context, k key) (*Target, error) {
	t, reached := r.readShared(ctx, k)
	if t != nil {
		return t, nil
	}
	t, err := r.readStore(ctx, k)
	if err != nil && !reached { // both failed: what Redis was too slow to say, or was cut off, may still be there
		if t, _ = r.readShared(ctx, k); t != nil {
			return t, nil
		}
	}
	if err != nil || t == nil {
		return nil, err
	}
	if reached && t.Version >= r.floors.least(t.ID) {
		if err := r.shared.store(ctx, []*Target{t}); err != nil {
			r.metrics.redisErrors.Inc()
		}
	}
	return t, nil
}

// readShared asks Redis. reached tells whether it answered: a Redis that just let a click wait is not waited for again.
func (r *Resolver) readShared(ctx context.Context, k key) (t *Target, reached bool) {
	if r.shared == nil || r.distrust.Load() {
		return nil, false
	}
	t, err := r.shared.get(ctx, k)
	if err != nil {
		r.metrics.redisErrors.Inc()
		return nil, errors.Is(err, errValue)
	}
	// A value below its floor is of before an edit that Redis has not been told of yet.
	if t == nil || t.Version < r.floors.least(t.ID) {
		return nil, true
	}
	r.metrics.redis.Inc()
	return t, true
}

// readStore asks the database, where at most maxLoads may be at once.
func (r *Resolver) readStore(ctx context.Context, k key) (*Target, error) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %d loads wait already", ErrUnavailable, maxLoads)
	}
	done, err := r.breaker.Allow()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	failed := errors.New("panic")
	defer func() { done(failed) }()
	l, err := r.store.FindLink(ctx, k.domain, k.code)
	switch failed = nil; {
	case errors.Is(err, link.ErrNotFound):
		r.metrics.database.Inc()
		return nil, nil
	case err != nil:
		failed = err
		return nil, fmt.Errorf("%w: find link: %w", ErrUnavailable, err)
	}
	r.metrics.database.Inc()
	return Of(&l), nil
}
