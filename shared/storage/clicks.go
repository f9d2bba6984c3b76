package storage

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"time"

	"longtail/shared/click"
)

// The table clicks: one row for every recorded redirect. Its primary key (campaign, event, day) is made of the event's
// own bytes, so a redelivery has the same key; it is the only index.

var clicksInsert = multi{
	head: "INSERT INTO clicks (campaign_id, event_id, day, account_id, link_id, recipient, token, method, class, flags," +
		" ip, user_agent, referrer, time_ms, inserted_ms, rule, rules) VALUES ",
	cols: 17,
}

func (d *DB) insertClicks(ctx context.Context, tx *sql.Tx, clicks []ClickRow) error {
	now := time.Now().UnixMilli()
	return clicksInsert.fill(ctx, d, tx, len(clicks), func(v *values, i int) {
		r := &clicks[i]
		c := &r.Click
		v.uint(c.Campaign)
		v.bytes(c.ID[:])
		v.int(int64(c.ID.Day()))
		v.uint(uint64(c.Account))
		v.uint(c.Link)
		v.text(r.Recipient)
		v.uint(uint64(r.Token))
		v.uint(uint64(c.Method))
		v.uint(uint64(r.Class))
		v.uint(uint64(c.Flags))
		v.text(c.IP)
		v.text(c.UserAgent)
		v.text(c.Referrer)
		v.int(c.ID.MS())
		v.int(now)
		v.int(int64(r.Rule))
		v.int(int64(r.Rules))
	}, nil)
}

// byCampaign yields the runs of equal campaign in sorted clicks.
func byCampaign(clicks []ClickRow) iter.Seq[[]ClickRow] {
	return func(yield func([]ClickRow) bool) {
		for len(clicks) > 0 {
			n := slices.IndexFunc(clicks, func(c ClickRow) bool { return c.Click.Campaign != clicks[0].Click.Campaign })
			if n < 0 {
				n = len(clicks)
			}
			if !yield(clicks[:n]) {
				return
			}
			clicks = clicks[n:]
		}
	}
}

// idsAtOnce bounds the ids of one question by primary key.
const idsAtOnce = 500

// Stored tells which of a campaign's events are in the table clicks. It reads on the primary.
func (d *DB) Stored(ctx context.Context, campaign uint64, ids []click.ID) (map[click.ID]bool, error) {
	return d.stored(ctx, d.sql, campaign, ids, "")
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (d *DB) stored(ctx context.Context, q querier, campaign uint64, ids []click.ID, lock string) (map[click.ID]bool, error) {
	found := make(map[click.ID]bool, len(ids))
	for some := range slices.Chunk(ids, idsAtOnce) {
		days := map[int32]bool{}
		args := append(make([]any, 0, len(some)+3), campaign)
		for i := range some {
			args = append(args, some[i][:])
			days[some[i].Day()] = true
		}
		for day := range days {
			args = append(args, day)
		}
		rows, err := q.QueryContext(ctx, "SELECT event_id FROM clicks WHERE campaign_id = ? AND event_id IN ("+
			marks(len(some))+") AND day IN ("+marks(len(days))+")"+lock, args...)
		if err != nil {
			return nil, fmt.Errorf("look up %d clicks: %w", len(some), err)
		}
		got, err := collect(rows, func(id *[]byte) []any { return []any{id} })
		if err != nil {
			return nil, err
		}
		for _, id := range got {
			found[click.ID(id)] = true
		}
	}
	return found, nil
}
