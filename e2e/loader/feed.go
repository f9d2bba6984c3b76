package loader

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

// A feed hands clicks out as messages, as one opening of a spool does. Its clicks are older than the feed, so
// complete_through, which may not fall, stands where it was until the feed is signed off.
type feed struct {
	db    *storage.DB
	id    queue.FeedID
	owner storage.Owner

	mu       sync.Mutex
	next     func() (click.Click, bool)
	stop     func()
	waiting  click.Click // that did not fit into the last message
	held     bool
	end      int64
	handed   int
	answered map[uint64]int64 // by campaign: what is stored counts as answered, so that nothing ever waits
	failed   error
}

func openFeed(ctx context.Context, db *storage.DB, clicks iter.Seq[click.Click]) (*feed, error) {
	now := time.Now().UnixMilli()
	f := &feed{db: db, id: queue.FeedID(click.NewID(now)), owner: storage.Owner(click.NewID(now)), answered: map[uint64]int64{}}
	if _, err := db.RegisterFeed(ctx, f.id, f.owner, "loader"); err != nil {
		return nil, err
	}
	f.next, f.stop = iter.Pull(clicks)
	return f, nil
}

// Receive implements queue.Source.
func (f *feed) Receive(ctx context.Context) (*queue.Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil || ctx.Err() != nil {
		return nil, queue.ErrClosed
	}
	m := queue.Message{Feed: f.id, From: f.end}
	by := map[uint64]int64{}
	for m.Clicks < queue.MaxClicks {
		if !f.held {
			if f.waiting, f.held = f.next(); !f.held {
				break
			}
		}
		frame := click.AppendFrame(nil, &f.waiting)
		if len(m.Frames)+len(frame) > queue.MaxBytes {
			break
		}
		m.Frames, m.UptoMS, f.held = append(m.Frames, frame...), f.waiting.ID.MS(), false
		by[f.waiting.Campaign]++
		m.Clicks++
	}
	if m.Clicks == 0 {
		return nil, queue.ErrClosed
	}
	f.end += int64(len(m.Frames))
	f.handed += m.Clicks
	m.To = f.end
	return queue.NewDelivery(m, 1, func(err error) { f.done(by, err) }), nil
}

func (f *feed) done(by map[uint64]int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.failed = err
		return
	}
	for campaign, n := range by {
		f.answered[campaign] += n
	}
}

// stored is how many clicks are committed.
func (f *feed) stored() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.answered {
		n += int(k)
	}
	return n
}

// tick tells the balance.
func (f *feed) tick(ctx context.Context) error {
	f.mu.Lock()
	t := storage.Tick{Feed: f.id, Owner: f.owner, Counted: f.end, Answered: maps.Clone(f.answered)}
	f.mu.Unlock()
	return f.db.TickFeed(ctx, t)
}

// close tells the last balance and signs the feed off. What was handed out and not stored, when a load was cut, was never
// answered: an empty range stands for it, so that nothing waits for it.
func (f *feed) close(ctx context.Context) error {
	f.stop()
	if err := f.tick(ctx); err != nil {
		return fmt.Errorf("tell the balance: %w", err)
	}
	cover := storage.Batch{Ranges: []storage.Range{{Feed: f.id, From: 0, To: f.end}}}
	if _, err := f.db.Ingest(ctx, cover); err != nil {
		return fmt.Errorf("close the feed: %w", err)
	}
	if err := f.db.SignOffFeed(ctx, f.id, f.owner, f.end); err != nil {
		return err
	}
	return f.db.CompactRanges(ctx)
}
