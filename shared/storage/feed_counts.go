package storage

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"longtail/shared/queue"
)

// The table feed_counts: the balance, by feed and campaign. answered is told by the redirector in absolute values;
// stored and set_aside are added by the ingest transaction for what it really did. GETs only.

type countKey struct {
	feed     queue.FeedID
	campaign uint64
}

type count struct{ stored, setAside int64 }

type counts map[countKey]count

func (c counts) add(feed queue.FeedID, campaign uint64, stored, setAside int64) {
	if (feed == queue.FeedID{}) || stored == 0 && setAside == 0 {
		return
	}
	key := countKey{feed, campaign}
	c[key] = count{c[key].stored + stored, c[key].setAside + setAside}
}

func storedCounts(clicks []ClickRow) counts {
	c := counts{}
	for i := range clicks {
		if clicks[i].Click.Counts() {
			c.add(clicks[i].Feed, clicks[i].Click.Campaign, 1, 0)
		}
	}
	return c
}

// addCounts inserts where the feed has told nothing yet: a message may overtake the first tick.
func (d *DB) addCounts(ctx context.Context, tx *sql.Tx, c counts) error {
	keys := slices.SortedFunc(maps.Keys(c), func(x, y countKey) int {
		return cmp.Or(bytes.Compare(x.feed[:], y.feed[:]), cmp.Compare(x.campaign, y.campaign))
	})
	insert := multi{
		head: "INSERT INTO feed_counts (feed, campaign_id, answered, `stored`, set_aside) VALUES ",
		cols: 5,
		tail: d.dia.Upsert("feed_counts", "feed, campaign_id", "stored = old.stored + new.stored",
			"set_aside = old.set_aside + new.set_aside"),
	}
	_, err := insert.run(ctx, d, tx, len(keys), func(args []any, i int) []any {
		k := keys[i]
		return append(args, k.feed[:], k.campaign, 0, c[k].stored, c[k].setAside)
	})
	return err
}

// answered returns a feed's answered clicks by campaign.
func (d *DB) answered(ctx context.Context, q querier, feed queue.FeedID) (map[uint64]int64, error) {
	rows, err := q.QueryContext(ctx, "SELECT campaign_id, answered FROM feed_counts WHERE feed = ?", feed[:])
	if err != nil {
		return nil, fmt.Errorf("read a feed's counts: %w", err)
	}
	type pair struct {
		campaign uint64
		answered int64
	}
	pairs, err := collect(rows, func(p *pair) []any { return []any{&p.campaign, &p.answered} })
	by := make(map[uint64]int64, len(pairs))
	for _, p := range pairs {
		by[p.campaign] = p.answered
	}
	return by, err
}

// unsettled returns how many answered clicks of a feed are neither stored nor set aside.
func (d *DB) unsettled(ctx context.Context, tx *sql.Tx, feed queue.FeedID) (n int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT COALESCE(SUM("+d.dia.Expr("feed_counts", "GREATEST(answered - feed_counts.stored - set_aside, 0)")+
		"), 0) FROM feed_counts WHERE feed = ?", feed[:]).Scan(&n)
	return n, err
}

// FeedBalance is the balance of a campaign, or of all. Answered = Stored + Waiting + SetAside.
type FeedBalance struct {
	Answered, Stored, Waiting, SetAside int64
	// SentMS is a time before which nothing waits that has left its spool: every click answered before it is stored or
	// still in a spool. 0 = nothing waits outside the spools. It is known of all campaigns together only.
	SentMS int64
}

// FeedBalance sums up the feeds' counts of a campaign; 0 means all campaigns. It is at most one tick late and exact at
// rest. What a feed answered and nobody stored waits while the feed's contiguous ranges end before the offset up to
// which it counted; behind that it was covered by a gap, so it is set aside and never waited for.
func (d *DB) FeedBalance(ctx context.Context, campaign uint64) (b FeedBalance, err error) {
	tx, err := d.sql.BeginTx(ctx, d.snapshot())
	if err != nil {
		return b, fmt.Errorf("read balance: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	feeds, _, err := d.feedStates(ctx, tx, "f.counted_pos > f.done")
	if err != nil {
		return b, err
	}
	behind := map[queue.FeedID]*feedState{}
	for _, f := range feeds {
		if f.advance(); f.done < f.counted {
			behind[f.feed] = f
		}
	}
	where, args := "", []any(nil)
	if campaign != 0 {
		where, args = " WHERE campaign_id = ?", []any{campaign}
	}
	rows, err := tx.QueryContext(ctx, "SELECT feed, SUM(answered), SUM(feed_counts.stored), SUM(set_aside), SUM("+
		d.dia.Expr("feed_counts", "GREATEST(answered - feed_counts.stored - set_aside, 0)")+") FROM feed_counts"+where+" GROUP BY feed", args...)
	if err != nil {
		return b, fmt.Errorf("read balance: %w", err)
	}
	type sums struct {
		feed                             queue.FeedID
		answered, stored, setAside, rest int64
	}
	all, err := collect(rows, func(s *sums) []any {
		return []any{into16{(*[16]byte)(&s.feed)}, &s.answered, &s.stored, &s.setAside, &s.rest}
	})
	for _, s := range all {
		b.Stored, b.SetAside = b.Stored+s.stored, b.SetAside+s.setAside
		f := behind[s.feed]
		if f == nil {
			b.SetAside += s.rest
			continue
		}
		b.Waiting += s.rest
		if campaign == 0 && s.rest > f.spool && (b.SentMS == 0 || f.upto < b.SentMS) {
			b.SentMS = f.upto
		}
	}
	b.Answered = b.Stored + b.SetAside + b.Waiting
	return b, err
}

// foldAfterMS is how long a finished feed keeps counts of its own.
const foldAfterMS = 24 * 3600 * 1000

// FoldFeeds adds the counts of feeds that are finished for a day to one row for each campaign, under the feed of zeros.
// The feed's row in feeds stays, so that a disk that comes back is known; a letter of it that is replayed later opens a
// row of its own again, which the next call folds.
func (d *DB) FoldFeeds(ctx context.Context) error {
	rows, err := d.sql.QueryContext(ctx, "SELECT DISTINCT f.feed FROM feeds AS f JOIN feed_counts AS c ON c.feed = f.feed"+
		" WHERE f.end_pos IS NOT NULL AND f.done >= f.end_pos AND f.done >= f.counted_pos AND f.seen_ms < "+d.dia.NowMS+" - ?", foldAfterMS)
	if err != nil {
		return fmt.Errorf("find finished feeds: %w", err)
	}
	feeds, err := collect(rows, func(f *queue.FeedID) []any { return []any{into16{(*[16]byte)(f)}} })
	if err != nil {
		return err
	}
	for _, feed := range feeds {
		if err := d.writeAgain(ctx, func(tx *sql.Tx) error { return d.fold(ctx, tx, feed) }); err != nil {
			return fmt.Errorf("fold feed %s: %w", feed, err)
		}
	}
	return nil
}

// fold takes the rows' locks first: an ingest transaction may be adding to them.
func (d *DB) fold(ctx context.Context, tx *sql.Tx, feed queue.FeedID) error {
	type row struct {
		campaign                   uint64
		answered, stored, setAside int64
	}
	rows, err := tx.QueryContext(ctx, "SELECT campaign_id, answered, feed_counts.stored, set_aside FROM feed_counts WHERE feed = ? ORDER BY campaign_id"+d.dia.ForUpdate, feed[:])
	if err != nil {
		return err
	}
	all, err := collect(rows, func(r *row) []any { return []any{&r.campaign, &r.answered, &r.stored, &r.setAside} })
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM feed_counts WHERE feed = ?", feed[:]); err != nil {
		return err
	}
	folded := queue.FeedID{}
	insert := multi{
		head: "INSERT INTO feed_counts (feed, campaign_id, answered, `stored`, set_aside) VALUES ",
		cols: 5,
		tail: d.dia.Upsert("feed_counts", "feed, campaign_id", "answered = old.answered + new.answered",
			"stored = old.stored + new.stored", "set_aside = old.set_aside + new.set_aside"),
	}
	_, err = insert.run(ctx, d, tx, len(all), func(args []any, i int) []any {
		r := &all[i]
		// What was answered and never stored is set aside for good; a replay keeps the sum.
		rest := max(r.answered-r.stored-r.setAside, 0)
		return append(args, folded[:], r.campaign, r.stored+r.setAside+rest, r.stored, r.setAside+rest)
	})
	return err
}
