package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"longtail/shared/queue"
)

// The table feeds: one row for every opening of a spool slot. It says who owns it, how far it is stored without a hole
// (done), how far it is counted, and whether complete_through waits for it.

// seenWithinMS is how fresh a feed's tick must be for its redirector to count as alive.
const seenWithinMS = 10_000

// ErrFeedSeen says that the feed's redirector is alive, so the feed cannot be forgotten.
var ErrFeedSeen = errors.New("feed was seen in the last 10 seconds")

// RegisterFeed makes a feed known and returns its floor: complete_through of that moment, which no id of the feed may
// undercut. From then on complete_through waits for the feed. Registering again with the same owner answers again.
func (d *DB) RegisterFeed(ctx context.Context, feed queue.FeedID, owner Owner, instance string) (floorMS int64, err error) {
	err = d.writeAgain(ctx, func(tx *sql.Tx) error {
		if floorMS, err = d.completeThrough(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO feeds (feed, owner, instance, state, done, upto_ms, counted_pos, spool_clicks, seen_ms)"+
			" VALUES (?, ?, ?, 1, 0, ?, 0, 0, "+d.dia.NowMS+")"+d.dia.Ignore("feeds", "feed"), feed[:], owner[:], plain(instance, 128), floorMS)
		if err != nil {
			return fmt.Errorf("register feed: %w", err)
		}
		return d.ownFeed(ctx, tx, feed, owner)
	})
	return floorMS, err
}

// ownFeed locks a feed's row and tells whether owner may write to it.
func (d *DB) ownFeed(ctx context.Context, tx *sql.Tx, feed queue.FeedID, owner Owner) error {
	var state FeedState
	var has Owner
	err := tx.QueryRowContext(ctx, "SELECT state, owner FROM feeds WHERE feed = ?"+d.dia.ForUpdate, feed[:]).Scan(&state, into16{(*[16]byte)(&has)})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%w: it was never registered", ErrFeedLost)
	case err != nil:
		return fmt.Errorf("lock feed: %w", err)
	case has == owner:
		return nil
	case state == FeedForgotten:
		return ErrFeedForgotten
	}
	return ErrFeedLost
}

// TickFeed tells a feed's state and balance in one transaction. The greatest values stay, so a tick may be repeated.
// ErrFeedLost and ErrFeedForgotten tell that the feed is no longer the owner's.
func (d *DB) TickFeed(ctx context.Context, t Tick) error {
	campaigns := slices.Sorted(maps.Keys(t.Answered))
	oldest := any(nil)
	if t.OldestMS != 0 {
		oldest = t.OldestMS
	}
	return d.writeAgain(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE feeds SET counted_pos = "+d.dia.Expr("feeds", "GREATEST(counted_pos, ?)")+
			", spool_clicks = ?, oldest_ms = ?, seen_ms = "+d.dia.NowMS+" WHERE feed = ? AND owner = ?", t.Counted, t.SpoolClicks, oldest, t.Feed[:], t.Owner[:])
		if err != nil {
			return fmt.Errorf("tick feed: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 { // not ours, or nothing changed in this millisecond
			if err := errors.Join(err, d.ownFeed(ctx, tx, t.Feed, t.Owner)); err != nil {
				return err
			}
		}
		insert := multi{
			head: "INSERT INTO feed_counts (feed, campaign_id, answered, `stored`, set_aside) VALUES ",
			cols: 5,
			tail: d.dia.Upsert("feed_counts", "feed, campaign_id", "answered = GREATEST(old.answered, new.answered)"),
		}
		_, err = insert.run(ctx, d, tx, len(campaigns), func(args []any, i int) []any {
			return append(args, t.Feed[:], campaigns[i], t.Answered[campaigns[i]], 0, 0)
		})
		return err
	})
}

// AdoptFeed makes owner the feed's owner, waiting for a tick that is still running, and returns what is known of it.
// The caller holds the lock of the feed's folder. An open gap of a forgotten feed is closed: its disk was seen again.
func (d *DB) AdoptFeed(ctx context.Context, feed queue.FeedID, owner Owner) (a Adopted, err error) {
	err = d.writeAgain(ctx, func(tx *sql.Tx) error {
		a = Adopted{Known: true, Answered: map[uint64]int64{}}
		_, err := tx.ExecContext(ctx, "UPDATE feeds SET owner = ?, seen_ms = "+d.dia.NowMS+" WHERE feed = ?", owner[:], feed[:])
		if err != nil {
			return fmt.Errorf("adopt feed: %w", err)
		}
		err = tx.QueryRowContext(ctx, "SELECT state, counted_pos, done, COALESCE(end_pos, -1) FROM feeds WHERE feed = ?", feed[:]).
			Scan(&a.State, &a.Counted, &a.Done, &a.End)
		if errors.Is(err, sql.ErrNoRows) {
			a = Adopted{End: -1}
			return nil
		} else if err != nil {
			return fmt.Errorf("adopt feed: %w", err)
		}
		if a.Answered, err = d.answered(ctx, tx, feed); err != nil || a.State != FeedForgotten {
			return err
		}
		return d.closeForgotten(ctx, tx, feed)
	})
	return a, err
}

// SignOffFeed ends a feed: nothing is written to it any more, and complete_through waits for it only until end is
// stored. end is the feed's length; where more was counted than the file still holds, that is the end.
func (d *DB) SignOffFeed(ctx context.Context, feed queue.FeedID, owner Owner, end int64) error {
	return d.writeAgain(ctx, func(tx *sql.Tx) error {
		if err := d.ownFeed(ctx, tx, feed, owner); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE feeds SET state = CASE state WHEN 1 THEN 2 ELSE state END, spool_clicks = 0, oldest_ms = NULL, end_pos = "+
			d.dia.Expr("feeds", "GREATEST(counted_pos, COALESCE(end_pos, 0), ?)")+", seen_ms = "+d.dia.NowMS+" WHERE feed = ?", end, feed[:])
		if err != nil {
			return fmt.Errorf("sign off feed: %w", err)
		}
		return nil
	})
}

// ForgetFeed writes a feed off whose disk is lost: complete_through no longer waits for it, and what it still held is
// named in a gap that stays open until the disk is seen again. It is refused with ErrFeedSeen while the feed's
// redirector is alive.
func (d *DB) ForgetFeed(ctx context.Context, feed queue.FeedID) error {
	return d.writeAgain(ctx, func(tx *sql.Tx) error {
		var f feedState
		var seen, now int64
		err := tx.QueryRowContext(ctx, "SELECT state, done, upto_ms, counted_pos, seen_ms, "+d.dia.NowMS+" FROM feeds WHERE feed = ?"+d.dia.ForUpdate, feed[:]).
			Scan(&f.state, &f.done, &f.upto, &f.counted, &seen, &now)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrFeedUnknown
		case err != nil:
			return fmt.Errorf("forget feed: %w", err)
		case f.state == FeedForgotten:
			return nil
		case now-seen < seenWithinMS:
			return ErrFeedSeen
		}
		if f.ranges, err = d.rangesOf(ctx, tx, feed); err != nil {
			return err
		}
		f.advance()
		return d.writeOff(ctx, tx, feed, &f)
	})
}

// writeOff writes the gap before the range that covers the lost bytes, as every gap is.
func (d *DB) writeOff(ctx context.Context, tx *sql.Tx, feed queue.FeedID, f *feedState) error {
	lost, err := d.unsettled(ctx, tx, feed)
	if err != nil {
		return err
	}
	if err := d.putGap(ctx, tx, Gap{Feed: feed, FromMS: f.upto, Clicks: lost, Reason: GapForgotten}); err != nil {
		return err
	}
	if f.counted > f.done {
		if err := d.addRanges(ctx, tx, []Range{{Feed: feed, From: f.done, To: f.counted, UptoMS: f.upto}}); err != nil {
			return err
		}
	}
	nobody := Owner{}
	_, err = tx.ExecContext(ctx, "UPDATE feeds SET state = 3, owner = ?, spool_clicks = 0, oldest_ms = NULL WHERE feed = ?", nobody[:], feed[:])
	if err != nil {
		return fmt.Errorf("forget feed: %w", err)
	}
	return nil
}

// An Instance is a feed as an operator sees it.
type Instance struct {
	Feed     queue.FeedID
	Instance string
	State    FeedState
	SeenMS   int64
	Silent   bool  // a live feed whose redirector was not seen for 10 s: it holds complete_through back
	Holds    bool  // complete_through waits for it
	Waiting  int64 // clicks in its spool, as it last told
	OldestMS int64 // 0 = none
	UptoMS   int64 // its watermark
}

// Instances returns the feeds that complete_through waits for and those forgotten, the longest unseen first.
func (d *DB) Instances(ctx context.Context) ([]Instance, error) {
	feeds, now, err := d.feedStates(ctx, d.sql, "f.state IN (1, 2, 3)")
	if err != nil {
		return nil, err
	}
	var all []Instance
	for _, f := range feeds {
		f.advance()
		if f.state == FeedSignedOff && !f.holds() {
			continue
		}
		all = append(all, Instance{
			Feed: f.feed, Instance: f.instance, State: f.state, SeenMS: f.seen, Silent: f.state == FeedLive && now-f.seen >= seenWithinMS,
			Holds: f.holds(), Waiting: f.spool, OldestMS: f.oldest, UptoMS: f.upto,
		})
	}
	slices.SortStableFunc(all, func(x, y Instance) int { return int(min(max(x.SeenMS-y.SeenMS, -1), 1)) })
	return all, nil
}
