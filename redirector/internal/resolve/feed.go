package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
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
	wakePause  = 20 * time.Millisecond
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
			pause(ctx, wakePause) // many edits at once are one reading
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
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
		r.raiseFloor(row, now)
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}

func (r *Resolver) raiseFloor(row Change, now int64) {
	if r.floors.raise(row.Object, uint64(row.Version), now) {
		return
	}
	r.epoch.Add(1) // stands for the floors that are not there
	r.floors.dropTold()
	if r.floors.raise(row.Object, uint64(row.Version), now) || r.shared == nil {
		return
	}
	r.distrust.Store(true)
	if r.feed.rewind == 0 {
		r.feed.rewind = row.Seq
	}
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

// feedAge returns the seconds since the feed was last read to its end, -1 when it never was.
func (r *Resolver) feedAge() float64 {
	at := r.caughtUp.Load()
	if at == 0 {
		return -1
	}
	return time.Since(time.UnixMilli(at)).Seconds()
}
