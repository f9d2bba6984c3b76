package storage

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"longtail/shared/queue"
)

// The table completeness: the one complete_through, T. Every click answered before T is counted. Whoever computes it
// locks the row, reads all feeds in one statement (one snapshot), stores the greatest and tells the stored value:
// nothing else is ever told, so T never falls, and a feed registered under the same lock is never undercut.

// Completeness brings complete_through up to date and returns it in Unix milliseconds.
func (d *DB) Completeness(ctx context.Context) (ms int64, err error) {
	err = d.writeAgain(ctx, func(tx *sql.Tx) error {
		ms, err = d.completeThrough(ctx, tx)
		return err
	})
	return ms, err
}

// completeThrough needs a transaction, in which the row stays locked.
func (d *DB) completeThrough(ctx context.Context, tx *sql.Tx) (int64, error) {
	var stored int64
	err := tx.QueryRowContext(ctx, "SELECT t_ms FROM completeness WHERE id = 1"+d.dia.ForUpdate).Scan(&stored)
	if err != nil {
		return 0, fmt.Errorf("lock completeness: %w", err)
	}
	feeds, now, err := d.feedStates(ctx, tx, "(f.state = 1 OR f.state = 2 AND f.done < f.end_pos)")
	if err != nil {
		return 0, err
	}
	t := watermark(feeds, now)
	if t <= stored {
		return stored, nil
	}
	if _, err := tx.ExecContext(ctx, "UPDATE completeness SET t_ms = ? WHERE id = 1", t); err != nil {
		return 0, fmt.Errorf("store completeness: %w", err)
	}
	return t, nil
}

// watermark is the least watermark of the feeds that hold T, or now when none does.
func watermark(feeds []*feedState, now int64) int64 {
	t, held := int64(0), false
	for _, f := range feeds {
		f.advance()
		if f.holds() && (!held || f.upto < t) {
			t, held = f.upto, true
		}
	}
	if !held {
		return now
	}
	return t
}

// feedState is a feed with the ranges that stand behind its done.
type feedState struct {
	feed                queue.FeedID
	instance            string
	state               FeedState
	done, upto, end     int64 // end -1 = none
	counted             int64
	seen, spool, oldest int64
	ranges              []Range
}

// advance moves done and upto over the contiguous prefix: a union of ranges, which may overlap. A range that lies below
// done tells nothing less: every click before its upto stands before its end.
func (f *feedState) advance() {
	slices.SortFunc(f.ranges, func(x, y Range) int { return cmp.Compare(x.From, y.From) })
	for _, r := range f.ranges {
		if r.From > f.done {
			return
		}
		f.done, f.upto = max(f.done, r.To), max(f.upto, r.UptoMS)
	}
}

// holds tells whether complete_through waits for the feed.
func (f *feedState) holds() bool {
	return f.state == FeedLive || f.state == FeedSignedOff && f.done < f.end
}

// feedStates reads feeds and their ranges in one statement, which is one snapshot.
func (d *DB) feedStates(ctx context.Context, q querier, where string) (feeds []*feedState, now int64, err error) {
	rows, err := q.QueryContext(ctx, "SELECT n.now_ms, f.feed, COALESCE(f.instance, ''), COALESCE(f.state, 0), COALESCE(f.done, 0),"+
		" COALESCE(f.upto_ms, 0), COALESCE(f.end_pos, -1), COALESCE(f.counted_pos, 0), COALESCE(f.seen_ms, 0), COALESCE(f.spool_clicks, 0), COALESCE(f.oldest_ms, 0),"+
		" COALESCE(r.from_pos, -1), COALESCE(r.to_pos, -1), COALESCE(r.upto_ms, 0)"+
		" FROM (SELECT "+d.dia.NowMS+" AS now_ms) AS n LEFT JOIN feeds AS f ON "+where+" LEFT JOIN feed_ranges AS r ON r.feed = f.feed ORDER BY f.feed")
	if err != nil {
		return nil, 0, fmt.Errorf("read feeds: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var f feedState
		var r Range
		err := rows.Scan(&now, into16{(*[16]byte)(&f.feed)}, &f.instance, &f.state, &f.done, &f.upto, &f.end, &f.counted, &f.seen, &f.spool, &f.oldest, &r.From, &r.To, &r.UptoMS)
		if err != nil {
			return nil, 0, fmt.Errorf("read feeds: %w", err)
		}
		if f.state == 0 {
			continue // no feed at all: the row of now alone
		}
		if n := len(feeds); n == 0 || !bytes.Equal(feeds[n-1].feed[:], f.feed[:]) {
			feeds = append(feeds, &f)
		}
		if r.From >= 0 {
			last := feeds[len(feeds)-1]
			last.ranges = append(last.ranges, r)
		}
	}
	return feeds, now, rows.Err()
}
