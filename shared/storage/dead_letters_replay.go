package storage

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// The states of a dead letter.
const (
	letterHeld     = 0
	letterReplayed = 1 // its click is stored
	letterDropped  = 2 // stays set aside; its body is gone
)

// markReplayed marks the letters of clicks that this transaction inserted and takes them out of what is set aside. It
// locks rows that another transaction is about to write, so that no letter of a stored click stays held. wrote tells that
// this transaction has written letters: two such ones that asked for any letter would wait for each other's.
func (d *DB) markReplayed(ctx context.Context, tx *sql.Tx, clicks []ClickRow, wrote bool, c counts) error {
	if !wrote {
		if some, err := d.anyLetter(ctx, tx, clicks); err != nil || !some {
			return err
		}
	}
	for some := range slices.Chunk(clicks, maxStatementRows) {
		args := make([]any, len(some))
		for i := range some {
			args[i] = some[i].Click.ID[:]
		}
		rows, err := tx.QueryContext(ctx, "SELECT id, feed, campaign_id, counts FROM dead_letters WHERE state <> 1 AND id IN ("+
			marks(len(args))+")"+d.dia.ForUpdate, args...)
		if err != nil {
			return fmt.Errorf("look for dead letters: %w", err)
		}
		type letter struct {
			id, feed []byte
			campaign sql.Null[uint64]
			counts   bool
		}
		found, err := collect(rows, func(l *letter) []any { return []any{&l.id, &l.feed, &l.campaign, &l.counts} })
		if err != nil || len(found) == 0 {
			if err != nil {
				return err
			}
			continue
		}
		args = args[:0]
		for _, l := range found {
			args = append(args, l.id)
			if l.counts && l.feed != nil {
				c.add(queue.FeedID(l.feed), l.campaign.V, 0, -1)
			}
		}
		_, err = tx.ExecContext(ctx, "UPDATE dead_letters SET state = 1 WHERE id IN ("+marks(len(args))+")", args...)
		if err != nil {
			return fmt.Errorf("mark replayed: %w", err)
		}
	}
	return nil
}

// anyLetter tells whether there is a letter between the lowest id of the clicks and the highest: rarely, and then each id
// must be looked for, which costs the database as much as a third of their rows. The read locks, so that it waits for who
// is about to write such a letter.
func (d *DB) anyLetter(ctx context.Context, tx *sql.Tx, clicks []ClickRow) (bool, error) {
	if len(clicks) == 0 {
		return false, nil
	}
	order := func(x, y ClickRow) int { return bytes.Compare(x.Click.ID[:], y.Click.ID[:]) }
	lowest, highest := slices.MinFunc(clicks, order).Click.ID, slices.MaxFunc(clicks, order).Click.ID
	rows, err := tx.QueryContext(ctx, "SELECT id FROM dead_letters WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"+d.dia.ForShare, lowest[:], highest[:])
	if err != nil {
		return false, fmt.Errorf("look for any dead letter: %w", err)
	}
	found, err := collect(rows, func(id *[]byte) []any { return []any{id} })
	return len(found) > 0, err
}

// ReplayDeadLetters returns the held letters among ids, with their frames, to be ingested again. It marks nothing: a
// letter becomes replayed in the transaction that stores its click, and stays held if that fails.
func (d *DB) ReplayDeadLetters(ctx context.Context, ids [][16]byte) ([]DeadLetter, error) {
	var all []DeadLetter
	for some := range slices.Chunk(ids, idsAtOnce) {
		held, err := d.letters(ctx, d.sql, "WHERE state = 0 AND id IN ("+marks(len(some))+") ORDER BY id", idArgs(some)...)
		if err != nil {
			return nil, err
		}
		for _, l := range held {
			all = append(all, l.DeadLetter)
		}
	}
	return all, nil
}

// HeldLetters calls do with the ids of all letters that are held for a reason, some hundred at a time. What do takes out
// of that state is not met again.
func (d *DB) HeldLetters(ctx context.Context, reason string, do func(ids [][16]byte) error) error {
	filter := LetterFilter{Reason: reason, Held: true, Limit: idsAtOnce}
	for {
		letters, err := d.DeadLetters(ctx, filter)
		if err != nil || len(letters) == 0 {
			return err
		}
		ids := make([][16]byte, len(letters))
		for i := range letters {
			ids[i] = letters[i].ID
		}
		if err := do(ids); err != nil {
			return err
		}
		filter.After = letters[len(letters)-1].ID
	}
}

// DropDeadLetters gives up held letters for good: their bodies are emptied and their clicks stay set aside. It returns
// how many it dropped.
func (d *DB) DropDeadLetters(ctx context.Context, ids [][16]byte) (int, error) {
	total := 0
	for some := range slices.Chunk(ids, idsAtOnce) {
		var n int64
		err := d.writeAgain(ctx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, "UPDATE dead_letters SET state = 2, body = ? WHERE state = 0 AND id IN ("+
				marks(len(some))+")", append([]any{[]byte{}}, idArgs(some)...)...)
			if err != nil {
				return fmt.Errorf("drop dead letters: %w", err)
			}
			n, err = result.RowsAffected()
			return err
		})
		if err != nil {
			return total, err
		}
		total += int(n)
	}
	return total, nil
}

func idArgs[T ~[16]byte](ids []T) []any {
	args := make([]any, len(ids))
	for i := range ids {
		id := [16]byte(ids[i])
		args[i] = id[:]
	}
	return args
}

// LetterState is what became of a dead letter.
type LetterState uint8

// The states of a dead letter as others see them.
const (
	LetterHeld     LetterState = letterHeld
	LetterReplayed LetterState = letterReplayed
	LetterDropped  LetterState = letterDropped
)

// A KeptLetter is a dead letter as it lies in the table.
type KeptLetter struct {
	DeadLetter
	State LetterState
}

// A LetterFilter chooses dead letters. Zero values choose all.
type LetterFilter struct {
	Account  uint32
	Campaign uint64
	Reason   string
	Held     bool // only those in state held
	After    [16]byte
	Limit    int // 0 = 100
}

// DeadLetters returns letters in the order of their ids, which is nearly that of time, after f.After.
func (d *DB) DeadLetters(ctx context.Context, f LetterFilter) ([]KeptLetter, error) {
	where, args := "WHERE id > ?", []any{f.After[:]}
	add := func(condition string, value any) { where, args = where+" AND "+condition, append(args, value) }
	if f.Account != 0 {
		add("account_id = ?", f.Account)
	}
	if f.Campaign != 0 {
		add("campaign_id = ?", f.Campaign)
	}
	if f.Reason != "" {
		add("reason = ?", f.Reason)
	}
	if f.Held {
		add("state = ?", letterHeld)
	}
	limit := f.Limit
	if limit == 0 {
		limit = 100
	}
	return d.letters(ctx, d.sql, where+" ORDER BY id LIMIT ?", append(args, limit)...)
}

// DeadLetter returns one letter, or false.
func (d *DB) DeadLetter(ctx context.Context, id [16]byte) (KeptLetter, bool, error) {
	found, err := d.letters(ctx, d.sql, "WHERE id = ?", id[:])
	if err != nil || len(found) == 0 {
		return KeptLetter{}, false, err
	}
	return found[0], true, nil
}

// CountDeadLetters returns how many letters are held.
func (d *DB) CountDeadLetters(ctx context.Context) (n int64, err error) {
	err = d.sql.QueryRowContext(ctx, "SELECT COUNT(*) FROM dead_letters WHERE state = 0").Scan(&n)
	return n, err
}

func (d *DB) letters(ctx context.Context, q querier, where string, args ...any) ([]KeptLetter, error) {
	rows, err := q.QueryContext(ctx, "SELECT id, at_ms, reason, detail, COALESCE(account_id, 0), COALESCE(campaign_id, 0), feed, counts, state, body FROM dead_letters "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return collect(rows, func(l *KeptLetter) []any {
		return []any{into16{&l.ID}, &l.AtMS, &l.Reason, &l.Detail, &l.Account, &l.Campaign, into16{(*[16]byte)(&l.Feed)}, &l.Counts, &l.State, &l.Body}
	})
}

// into16 scans 16 bytes, or NULL as zeros.
type into16 struct{ to *[16]byte }

// Scan implements sql.Scanner.
func (s into16) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*s.to = [16]byte{}
		return nil
	case []byte:
		if len(v) == click.IDSize {
			*s.to = [16]byte(v)
			return nil
		}
	}
	return fmt.Errorf("%T is no id of 16 bytes", v)
}
