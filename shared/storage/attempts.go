package storage

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"longtail/shared/click"
)

// The table attempts: how often a click of a quarantined message was tried, written before each try, so that a try that
// kills the worker is counted. For a suspect, a click set aside because it was near too many crashes, the row holds
// the time of the next try instead.

// MaxAttempts is the attempt that sets a click aside as suspect.
const MaxAttempts = 5

// Pauses between the tries of a suspect: doubled each time.
const (
	firstPause = time.Minute
	lastPause  = 24 * time.Hour
)

// Attempt counts a try of each click and returns how many there were with it. It is committed when it returns.
func (d *DB) Attempt(ctx context.Context, ids []click.ID) (map[click.ID]int, error) {
	tries := make(map[click.ID]int, len(ids))
	sorted := slices.SortedFunc(slices.Values(ids), func(x, y click.ID) int { return slices.Compare(x[:], y[:]) })
	sorted = slices.Compact(sorted)
	now := time.Now().UnixMilli()
	insert := multi{
		head: "INSERT INTO attempts (event_id, n, at_ms) VALUES ", cols: 3,
		tail: d.dia.Upsert("attempts", "event_id", "n = LEAST(old.n + 1, 100)", "at_ms = new.at_ms"),
	}
	err := d.write(ctx, func(tx *sql.Tx) error {
		_, err := insert.run(ctx, d, tx, len(sorted), func(args []any, i int) []any { return append(args, sorted[i][:], 1, now) })
		if err != nil {
			return err
		}
		clear(tries)
		for some := range slices.Chunk(sorted, idsAtOnce) {
			rows, err := tx.QueryContext(ctx, "SELECT event_id, n FROM attempts WHERE event_id IN ("+marks(len(some))+")", idArgs(some)...)
			if err != nil {
				return err
			}
			type row struct {
				id click.ID
				n  int
			}
			found, err := collect(rows, func(r *row) []any { return []any{into16{(*[16]byte)(&r.id)}, &r.n} })
			if err != nil {
				return err
			}
			for _, r := range found {
				tries[r.id] = r.n
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count attempts: %w", err)
	}
	return tries, nil
}

// SuspectsDue returns held suspects whose time has come, at most limit, and has written the time of the try after this
// one before it returns: 1 minute later at first, each time doubled, at most a day. So a suspect that kills the worker
// again does not come back at once, and two workers do not try the same one.
func (d *DB) SuspectsDue(ctx context.Context, limit int) (due []DeadLetter, err error) {
	err = d.write(ctx, func(tx *sql.Tx) error {
		due = nil
		var now int64
		if err := tx.QueryRowContext(ctx, "SELECT "+d.dia.NowMS).Scan(&now); err != nil {
			return err
		}
		letters, err := d.letters(ctx, tx, "WHERE reason = 'suspect' AND state = 0 AND NOT EXISTS (SELECT 1 FROM attempts AS a"+
			" WHERE a.event_id = dead_letters.id AND a.n > ? AND a.at_ms > ?) ORDER BY id LIMIT ?", MaxAttempts, now, limit)
		if err != nil {
			return err
		}
		for _, l := range letters {
			mine, err := d.postpone(ctx, tx, l.ID, now)
			if err != nil {
				return err
			}
			if mine {
				due = append(due, l.DeadLetter)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find suspects: %w", err)
	}
	return due, nil
}

// postpone writes a suspect's next time. It is false if another worker took this try.
func (d *DB) postpone(ctx context.Context, tx *sql.Tx, id [16]byte, now int64) (bool, error) {
	_, err := tx.ExecContext(ctx, "INSERT INTO attempts (event_id, n, at_ms) VALUES (?, ?, 0)"+d.dia.Ignore("attempts", "event_id"), id[:], MaxAttempts)
	if err != nil {
		return false, err
	}
	var n int
	var at int64
	if err := tx.QueryRowContext(ctx, "SELECT n, at_ms FROM attempts WHERE event_id = ?"+d.dia.ForUpdate, id[:]).Scan(&n, &at); err != nil {
		return false, err
	}
	if n > MaxAttempts && at > now {
		return false, nil
	}
	n = max(n, MaxAttempts)
	pause := min(firstPause<<min(n-MaxAttempts, 20), lastPause)
	_, err = tx.ExecContext(ctx, "UPDATE attempts SET n = ?, at_ms = ? WHERE event_id = ?", min(n+1, 100), now+pause.Milliseconds(), id[:])
	return true, err
}

// DropAttempts removes counts that nobody touched for a week and that belong to no held letter.
func (d *DB) DropAttempts(ctx context.Context) error {
	err := d.writeAgain(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM attempts WHERE at_ms < "+d.dia.NowMS+" - 604800000"+
			" AND NOT EXISTS (SELECT 1 FROM dead_letters AS l WHERE l.id = attempts.event_id AND l.state = 0)")
		return err
	})
	if err != nil {
		return fmt.Errorf("drop attempts: %w", err)
	}
	return nil
}
