package storage

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// The table dead_letters: clicks that cannot be stored, kept whole until an operator replays or drops them. A click that
// is in clicks is never a dead letter as well: whoever writes the letter first takes its row and then looks for the
// click; whoever inserts the click then looks for the letter; so one of two transactions always sees the other.

// setAside writes the letters that are new, adds them to the balance and returns their number.
func (d *DB) setAside(ctx context.Context, tx *sql.Tx, letters []DeadLetter, clicks []ClickRow, c counts) (int, error) {
	if len(letters) == 0 {
		return 0, nil
	}
	written := 0
	for group := range letterGroups(letters, clicks) {
		n, err := d.setAsideGroup(ctx, tx, group)
		if err != nil {
			return 0, err
		}
		written += n
		if group[0].Counts {
			c.add(group[0].Feed, group[0].Campaign, 0, int64(n))
		}
	}
	return written, nil
}

// letterGroups yields unique letters that are not clicks of the batch, in runs of one feed, campaign and kind, so that
// the number of rows a statement wrote is the number to add to one balance.
func letterGroups(letters []DeadLetter, clicks []ClickRow) func(yield func([]DeadLetter) bool) {
	seen := make(map[[16]byte]bool, len(letters)+len(clicks))
	for i := range clicks {
		seen[clicks[i].Click.ID] = true
	}
	var unique []DeadLetter
	for _, l := range letters {
		if !seen[l.ID] {
			seen[l.ID] = true
			unique = append(unique, l)
		}
	}
	kind := func(x, y *DeadLetter) int {
		return cmp.Or(bytes.Compare(x.Feed[:], y.Feed[:]), cmp.Compare(x.Campaign, y.Campaign), cmp.Compare(asInt(x.Counts), asInt(y.Counts)))
	}
	slices.SortFunc(unique, func(x, y DeadLetter) int { return cmp.Or(kind(&x, &y), bytes.Compare(x.ID[:], y.ID[:])) })
	return func(yield func([]DeadLetter) bool) {
		for len(unique) > 0 {
			n := slices.IndexFunc(unique, func(l DeadLetter) bool { return kind(&l, &unique[0]) != 0 })
			if n < 0 {
				n = len(unique)
			}
			if !yield(unique[:n]) {
				return
			}
			unique = unique[n:]
		}
	}
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (d *DB) setAsideGroup(ctx context.Context, tx *sql.Tx, group []DeadLetter) (int, error) {
	insert := multi{
		head: "INSERT INTO dead_letters (id, at_ms, reason, detail, account_id, campaign_id, feed, counts, state, body) VALUES ",
		cols: 10,
		tail: d.dia.Ignore("dead_letters", "id"),
	}
	n, err := insert.run(ctx, d, tx, len(group), func(args []any, i int) []any {
		l := &group[i]
		var feed any
		if (l.Feed != queue.FeedID{}) {
			feed = l.Feed[:]
		}
		return append(args, l.ID[:], l.AtMS, plain(l.Reason, 64), plain(l.Detail, 512), orNull(uint64(l.Account)),
			orNull(l.Campaign), feed, asInt(l.Counts), letterHeld, l.Body)
	})
	if err != nil {
		return 0, err
	}
	undone, err := d.takeBack(ctx, tx, group)
	return int(n) - undone, err
}

// takeBack deletes the letters of clicks that are stored. They can only be ours: a letter of a stored click is never
// held.
func (d *DB) takeBack(ctx context.Context, tx *sql.Tx, group []DeadLetter) (int, error) {
	if group[0].Campaign == 0 {
		return 0, nil
	}
	ids := make([]click.ID, len(group))
	for i := range group {
		ids[i] = group[i].ID
	}
	stored, err := d.stored(ctx, tx, group[0].Campaign, ids, d.dia.ForShare)
	if err != nil || len(stored) == 0 {
		return 0, err
	}
	var args []any
	for id := range stored {
		args = append(args, id[:])
	}
	result, err := tx.ExecContext(ctx, "DELETE FROM dead_letters WHERE state = 0 AND id IN ("+marks(len(args))+")", args...)
	if err != nil {
		return 0, fmt.Errorf("take back dead letters: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// plain makes text of ours fit a VARCHAR of any character set.
func plain(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), limit)]
}

func orNull(v uint64) any {
	if v == 0 {
		return nil
	}
	return v
}
