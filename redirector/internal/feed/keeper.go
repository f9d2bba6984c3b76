// Package feed keeps the database's knowledge of the spool true: which feeds live, how much each has answered, what is
// missing, and that all of it was handed over.
//
// Place on the click's way: beside it. Clicks go from the spool through the broker; what goes here, once a second and in
// one small transaction whatever the traffic, is how many there are, so that nobody takes a figure for complete before
// it is.
package feed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/queue/spool"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
)

// Store is the database's side. Every call is idempotent.
type Store interface {
	// RegisterFeed makes a feed live and returns the floor below which its clicks' times may not lie.
	RegisterFeed(ctx context.Context, feed queue.FeedID, owner storage.Owner, instance string) (floorMS int64, err error)
	// TickFeed returns storage.ErrFeedLost when another owner took the feed, ErrFeedForgotten when an operator wrote it off.
	TickFeed(ctx context.Context, t storage.Tick) error
	AdoptFeed(ctx context.Context, feed queue.FeedID, owner storage.Owner) (storage.Adopted, error)
	SignOffFeed(ctx context.Context, feed queue.FeedID, owner storage.Owner, end int64) error
	RecordGap(ctx context.Context, g spool.Gap) error
}

// Spool is the disk's side.
type Spool interface {
	Live() *spool.Feed
	Renew(ctx context.Context) (*spool.Feed, error)
	Adopt(ctx context.Context) ([]*spool.Feed, error)
}

const (
	tickEvery  = time.Second
	adoptEvery = 10 * time.Second
	// callLimit bounds one conversation with the database.
	callLimit = 5 * time.Second
)

// A Keeper is one process's. Its methods are called by one goroutine, but for Registered.
type Keeper struct {
	store    Store
	spool    Spool
	clock    *click.Clock
	instance string
	owner    storage.Owner
	log      *slog.Logger
	outage   telemetry.Changed

	registered atomic.Bool
	givenUp    atomic.Bool
	adopted    []*adopted
	adoptedAt  time.Time
}

// New returns a keeper for the process named instance. It starts nothing.
func New(store Store, s Spool, clock *click.Clock, instance string, log *slog.Logger) *Keeper {
	log = log.With("component", "feed", "instance", instance)
	k := &Keeper{store: store, spool: s, clock: clock, instance: instance, log: log,
		outage: telemetry.Changed{Log: log, What: "the database does not take this instance's counts"}}
	rand.Read(k.owner[:])
	return k
}

// Registered reports whether the live feed is known to the database: only then is what it answers covered by
// complete_through. It stays true whatever fails later, unless the feed is given up there.
func (k *Keeper) Registered() bool { return k.registered.Load() }

// GivenUp reports whether the database gave up this instance's feed, and no new one is registered yet.
func (k *Keeper) GivenUp() bool { return k.givenUp.Load() }

// Run registers the live feed, then tells its counts once a second and looks for orphans every ten, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, tickEvery) {
		err := k.limited(ctx, k.register)
		if k.outage.Note(err); err == nil {
			break
		}
		if !wait(ctx, pause) {
			return nil
		}
	}
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		k.outage.Note(k.limited(ctx, k.tick))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (k *Keeper) limited(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return call(ctx)
}

// register makes the live feed known. What was answered before that, with the database away, may lie below a
// complete_through that was already told: it is named as a gap.
func (k *Keeper) register(ctx context.Context) error {
	live := k.spool.Live()
	first := live.Counts().OldestMS
	floor, err := k.store.RegisterFeed(ctx, live.ID(), k.owner, k.instance)
	if err != nil {
		return fmt.Errorf("register the feed: %w", err)
	}
	k.clock.Raise(floor)
	if early := live.Counts(); early.Clicks > 0 && first != 0 && first < floor {
		late := spool.Gap{Feed: live.ID(), FromMS: first, ToMS: floor, Clicks: early.Clicks, Reason: storage.GapLate}
		if err := k.store.RecordGap(ctx, late); err != nil {
			return fmt.Errorf("record the late gap: %w", err)
		}
	}
	k.registered.Store(true)
	k.givenUp.Store(false)
	return nil
}

// tick tells the counts of every feed in hand. One that fails does not keep the others back.
func (k *Keeper) tick(ctx context.Context) error {
	err := k.tell(ctx, k.spool.Live())
	if errors.Is(err, storage.ErrFeedForgotten) || errors.Is(err, storage.ErrFeedLost) {
		err = k.renew(ctx, err)
	}
	if since := time.Since(k.adoptedAt); since >= adoptEvery {
		k.adoptedAt = time.Now()
		err = errors.Join(err, k.find(ctx))
	}
	return errors.Join(err, k.serveAdopted(ctx))
}

// renew begins a feed of its own when the database no longer takes the present one: until it is registered this
// instance is not ready.
func (k *Keeper) renew(ctx context.Context, why error) error {
	k.log.Warn("this instance's feed was given up in the database; a new one begins", "reason", why)
	k.givenUp.Store(true)
	k.registered.Store(false)
	if _, err := k.spool.Renew(ctx); err != nil {
		return fmt.Errorf("begin a new feed: %w", err)
	}
	k.adoptedAt = time.Time{}
	return k.register(ctx)
}

// tell writes a feed's gap, if it has one, and its counts.
func (k *Keeper) tell(ctx context.Context, f *spool.Feed) error {
	if err := k.tellGap(ctx, f); err != nil {
		return err
	}
	counts := f.Counts()
	err := k.store.TickFeed(ctx, storage.Tick{
		Feed: f.ID(), Owner: k.owner, Counted: counts.Pos, Answered: counts.Answered, SpoolClicks: counts.Clicks, OldestMS: counts.OldestMS,
	})
	if err != nil {
		return fmt.Errorf("tell the counts: %w", err)
	}
	f.Counted(counts.Pos)
	return nil
}

// tellGap writes what a full spool could not record.
func (k *Keeper) tellGap(ctx context.Context, f *spool.Feed) error {
	gap, pending := f.Gap()
	if !pending {
		return nil
	}
	if err := k.store.RecordGap(ctx, gap); err != nil {
		return fmt.Errorf("record a gap: %w", err)
	}
	f.GapRecorded(gap)
	return nil
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
