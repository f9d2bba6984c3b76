package storage

import (
	"context"
	"database/sql"
	"fmt"

	"longtail/shared/queue"
)

// The table feed_ranges: which parts of a feed are stored, one row for every message. Ranges may overlap and come in
// any order; what stands contiguously behind feeds.done is compacted into it, so only holes stay.

func (d *DB) addRanges(ctx context.Context, tx *sql.Tx, ranges []Range) error {
	// The same range twice in one statement is harmless: GREATEST of equal keys, one after the other.
	insert := multi{
		head: "INSERT INTO feed_ranges (feed, from_pos, to_pos, upto_ms) VALUES ",
		cols: 4,
		tail: d.dia.Upsert("feed_ranges", "feed, from_pos", "to_pos = GREATEST(old.to_pos, new.to_pos)",
			"upto_ms = GREATEST(old.upto_ms, new.upto_ms)"),
	}
	_, err := insert.run(ctx, d, tx, len(ranges), func(args []any, i int) []any {
		r := &ranges[i]
		return append(args, r.Feed[:], r.From, r.To, r.UptoMS)
	})
	return err
}

func (d *DB) rangesOf(ctx context.Context, q querier, feed queue.FeedID) ([]Range, error) {
	rows, err := q.QueryContext(ctx, "SELECT from_pos, to_pos, upto_ms FROM feed_ranges WHERE feed = ? ORDER BY from_pos", feed[:])
	if err != nil {
		return nil, fmt.Errorf("read ranges: %w", err)
	}
	return collect(rows, func(r *Range) []any {
		r.Feed = feed
		return []any{&r.From, &r.To, &r.UptoMS}
	})
}

// CompactRanges moves what is stored without a hole into feeds.done and deletes those ranges: one transaction for each
// feed, so that no reader sees one without the other. Ranges of a feed that is not registered yet stay.
func (d *DB) CompactRanges(ctx context.Context) error {
	rows, err := d.sql.QueryContext(ctx, "SELECT DISTINCT r.feed FROM feed_ranges AS r JOIN feeds AS f ON f.feed = r.feed WHERE r.from_pos <= f.done")
	if err != nil {
		return fmt.Errorf("find ranges to compact: %w", err)
	}
	feeds, err := collect(rows, func(f *queue.FeedID) []any { return []any{into16{(*[16]byte)(f)}} })
	if err != nil {
		return err
	}
	for _, feed := range feeds {
		if err := d.writeAgain(ctx, func(tx *sql.Tx) error { return d.compact(ctx, tx, feed) }); err != nil {
			return fmt.Errorf("compact ranges of feed %s: %w", feed, err)
		}
	}
	return nil
}

func (d *DB) compact(ctx context.Context, tx *sql.Tx, feed queue.FeedID) error {
	f := feedState{feed: feed}
	err := tx.QueryRowContext(ctx, "SELECT done, upto_ms FROM feeds WHERE feed = ?"+d.dia.ForUpdate, feed[:]).Scan(&f.done, &f.upto)
	if err != nil {
		return err
	}
	if f.ranges, err = d.rangesOf(ctx, tx, feed); err != nil {
		return err
	}
	f.advance()
	_, err = tx.ExecContext(ctx, "UPDATE feeds SET done = "+d.dia.Expr("feeds", "GREATEST(done, ?)")+", upto_ms = "+
		d.dia.Expr("feeds", "GREATEST(upto_ms, ?)")+" WHERE feed = ?", f.done, f.upto, feed[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM feed_ranges WHERE feed = ? AND to_pos <= ? AND upto_ms <= ?", feed[:], f.done, f.upto)
	if err != nil {
		return err
	}
	return d.endLate(ctx, tx, feed, f.upto)
}
