package command

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/queue/spool"
	"longtail/shared/storage"
)

// waiting finds a click that the database does not have: its place in a spool on this machine and what became of that
// place's message; without such a place, the feeds that may hold it.
func (c *traceCommand) waiting(ctx context.Context, db *storage.DB, id click.ID) error {
	found := 0
	for _, dir := range c.DataDirs {
		places, err := spool.Find(ctx, filepath.Join(dir, "spool"), id)
		if err != nil {
			return err
		}
		for _, p := range places {
			found++
			if err := showPlace(ctx, db, p); err != nil {
				return err
			}
		}
	}
	if found > 0 {
		return nil
	}
	return whereIsIt(ctx, db, id)
}

func showPlace(ctx context.Context, db *storage.DB, p spool.Place) error {
	fmt.Printf("spool     %s, offset %d\n", p.Segment, p.Offset)
	t, err := db.TraceFeed(ctx, p.Feed, p.Offset)
	if err != nil {
		return err
	}
	switch {
	case t.Stored:
		fmt.Println("message   stored this moment: ask again")
	case p.Confirmed:
		fmt.Println("message   the broker confirmed it: it is in its queue, or in a worker's hands")
	default:
		fmt.Println("message   the broker has not confirmed it: it is sent as soon as the broker takes it")
	}
	showKnown(t)
	return nil
}

// tracePlace tells whether what stands at an offset of a feed is stored.
func tracePlace(ctx context.Context, db *storage.DB, feedText, offset string) error {
	feed, err := queue.ParseFeedID(feedText)
	if err != nil {
		return err
	}
	pos, err := strconv.ParseInt(offset, 10, 64)
	if err != nil || pos < 0 {
		return fmt.Errorf("offset %q of feed %s: want a number from 0", offset, feed)
	}
	t, err := db.TraceFeed(ctx, feed, pos)
	if err != nil {
		return err
	}
	fmt.Printf("feed      %s, offset %d\n", feed, pos)
	switch {
	case t.Stored:
		fmt.Println("message   stored, or covered by a gap that is named")
	case !t.Known:
		fmt.Println("message   not stored, and the feed was never registered")
	case pos < t.Counted:
		fmt.Println("message   answered and not stored yet: in the spool, in the broker, or in a worker's hands")
	default:
		fmt.Println("message   the redirector has not told of it yet")
	}
	showKnown(t)
	return nil
}

func showKnown(t storage.FeedTrace) {
	if t.Known {
		fmt.Printf("known     stored without a hole up to %d, answered up to %d\n", t.Done, t.Counted)
	}
}

// whereIsIt says which feeds may still hold a click that the database does not have.
func whereIsIt(ctx context.Context, db *storage.DB, id click.ID) error {
	complete, err := db.Completeness(ctx)
	if err != nil {
		return err
	}
	if id.MS() < complete {
		gaps, err := db.Gaps(ctx, id.MS(), id.MS()+1)
		if err != nil {
			return err
		}
		fmt.Printf("row       none, and everything before %s is counted: it was never recorded\n", moment(complete))
		for _, g := range gaps {
			fmt.Printf("gap       %s of feed %s covers its time\n", g.Reason, g.Feed)
		}
		return nil
	}
	fmt.Printf("row       none yet: figures are complete up to %s\n", moment(complete))
	instances, err := db.Instances(ctx)
	if err != nil {
		return err
	}
	for _, i := range instances {
		if i.Holds && i.UptoMS <= id.MS() {
			fmt.Printf("may be in %s (feed %s): told up to %s, %d clicks in its spool\n", i.Instance, i.Feed, moment(i.UptoMS), i.Waiting)
		}
	}
	return nil
}
