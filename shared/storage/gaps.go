package storage

import (
	"context"
	"database/sql"
	"fmt"

	"longtail/shared/queue"
)

// The table gaps: spans of time whose clicks are not all counted, each with its reason. A gap's row is committed before
// any range that covers the skipped bytes is sent. Its key (feed, reason, from) makes telling it twice telling it once.

// RecordGap makes a gap durable. A gap told again takes the newer end and number of clicks.
func (d *DB) RecordGap(ctx context.Context, g Gap) error {
	return d.writeAgain(ctx, func(tx *sql.Tx) error { return d.putGap(ctx, tx, g) })
}

func (d *DB) putGap(ctx context.Context, tx *sql.Tx, g Gap) error {
	to, clicks := any(nil), any(nil)
	if g.ToMS != 0 {
		to = g.ToMS
	}
	if g.Clicks >= 0 {
		clicks = g.Clicks
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO gaps (feed, from_ms, to_ms, clicks, reason, created_ms) VALUES (?, ?, ?, ?, ?, "+d.dia.NowMS+")"+
		d.dia.Upsert("gaps", "feed, reason, from_ms", "to_ms = COALESCE(new.to_ms, old.to_ms)", "clicks = COALESCE(new.clicks, old.clicks)"),
		g.Feed[:], g.FromMS, to, clicks, plain(g.Reason, 32))
	if err != nil {
		return fmt.Errorf("record gap: %w", err)
	}
	return nil
}

// closeForgotten ends the open gap of a forgotten feed whose disk was seen again.
func (d *DB) closeForgotten(ctx context.Context, tx *sql.Tx, feed queue.FeedID) error {
	_, err := tx.ExecContext(ctx, "UPDATE gaps SET to_ms = "+d.dia.NowMS+" WHERE feed = ? AND reason = ? AND to_ms IS NULL", feed[:], GapForgotten)
	if err != nil {
		return fmt.Errorf("close gap: %w", err)
	}
	return nil
}

// endLate removes the gap of clicks that were answered before their feed was registered, once all of the feed below upto
// is stored: they are counted now. The gap ends at the floor that the feed was registered with, so a watermark above it
// came with ranges.
func (d *DB) endLate(ctx context.Context, tx *sql.Tx, feed queue.FeedID, upto int64) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM gaps WHERE feed = ? AND reason = ? AND to_ms < ?", feed[:], GapLate, upto)
	if err != nil {
		return fmt.Errorf("end late gap: %w", err)
	}
	return nil
}

// Gaps returns the gaps that touch [fromMS, toMS), in the order of their beginnings. toMS 0 means no upper end.
func (d *DB) Gaps(ctx context.Context, fromMS, toMS int64) ([]Gap, error) {
	where, args := "(to_ms IS NULL OR to_ms > ? OR from_ms >= ?)", []any{fromMS, fromMS}
	if toMS != 0 {
		where, args = where+" AND from_ms < ?", append(args, toMS)
	}
	rows, err := d.sql.QueryContext(ctx, "SELECT feed, from_ms, COALESCE(to_ms, 0), COALESCE(clicks, -1), reason FROM gaps WHERE "+where+" ORDER BY from_ms, id", args...)
	if err != nil {
		return nil, fmt.Errorf("read gaps: %w", err)
	}
	return collect(rows, func(g *Gap) []any {
		return []any{into16{(*[16]byte)(&g.Feed)}, &g.FromMS, &g.ToMS, &g.Clicks, &g.Reason}
	})
}

// UnrecordedClicks returns how many answered clicks were never recorded because a spool was full, as far as is known.
func (d *DB) UnrecordedClicks(ctx context.Context) (n int64, err error) {
	err = d.sql.QueryRowContext(ctx, "SELECT COALESCE(SUM(clicks), 0) FROM gaps WHERE reason = ?", GapSpoolFull).Scan(&n)
	return n, err
}
