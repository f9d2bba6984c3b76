package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// Questions of "why is this click not in my figures".

// A StoredClick is a row of clicks as trace shows it.
type StoredClick struct {
	ID         click.ID
	Campaign   uint64
	Account    uint32
	Link       uint64
	Recipient  string
	Token      Token
	Method     click.Method
	Class      Class
	Flags      click.Flags
	TimeMS     int64
	InsertedMS int64
}

// A Trace is what the database knows of one event.
type Trace struct {
	Row      *StoredClick // nil: not in clicks
	Letter   *KeptLetter  // nil: no dead letter
	Attempts int          // tries in quarantine
	Expired  bool         // its day lies below the retention floor: a row would have been dropped
}

// RowsTrace looks an event up everywhere. Without its campaign, which a trace rarely knows, the row is found by a scan of
// its day.
func (d *DB) RowsTrace(ctx context.Context, id click.ID) (t Trace, err error) {
	var r StoredClick
	err = d.sql.QueryRowContext(ctx, "SELECT event_id, campaign_id, account_id, link_id, recipient, token, method, class, flags, time_ms, inserted_ms"+
		" FROM clicks WHERE event_id = ? AND day = ?", id[:], id.Day()).
		Scan(into16{(*[16]byte)(&r.ID)}, &r.Campaign, &r.Account, &r.Link, &r.Recipient, &r.Token, &r.Method, &r.Class, &r.Flags, &r.TimeMS, &r.InsertedMS)
	switch {
	case err == nil:
		t.Row = &r
	case !errors.Is(err, sql.ErrNoRows):
		return t, fmt.Errorf("trace %s: %w", id, err)
	}
	if l, found, err := d.DeadLetter(ctx, id); err != nil {
		return t, err
	} else if found {
		t.Letter = &l
	}
	err = d.sql.QueryRowContext(ctx, "SELECT n FROM attempts WHERE event_id = ?", id[:]).Scan(&t.Attempts)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return t, fmt.Errorf("trace %s: %w", id, err)
	}
	floor, err := d.RetentionFloor(ctx)
	t.Expired = id.Day() < floor
	return t, err
}

// A FeedTrace is what the database knows of one offset of a feed.
type FeedTrace struct {
	Known   bool
	State   FeedState
	Stored  bool  // the message that holds the offset is stored, or the offset is covered by a gap
	Done    int64 // everything before it is stored
	Counted int64
	End     int64 // -1 = none yet
}

// TraceFeed tells whether what stands at an offset of a feed is stored.
func (d *DB) TraceFeed(ctx context.Context, feed queue.FeedID, pos int64) (t FeedTrace, err error) {
	err = d.sql.QueryRowContext(ctx, "SELECT state, done, counted_pos, COALESCE(end_pos, -1) FROM feeds WHERE feed = ?", feed[:]).
		Scan(&t.State, &t.Done, &t.Counted, &t.End)
	if err == nil {
		t.Known, t.Stored = true, pos < t.Done
	} else if !errors.Is(err, sql.ErrNoRows) {
		return t, fmt.Errorf("trace feed %s: %w", feed, err)
	}
	var n int
	err = d.sql.QueryRowContext(ctx, "SELECT COUNT(*) FROM feed_ranges WHERE feed = ? AND from_pos <= ? AND to_pos > ?", feed[:], pos, pos).Scan(&n)
	t.Stored = t.Stored || n > 0
	return t, err
}
