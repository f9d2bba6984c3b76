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
	_, err := clicksInsert.run(ctx, d, tx, len(clicks), func(args []any, i int) []any {
		r := &clicks[i]
		c := &r.Click
		return append(args, c.Campaign, c.ID[:], c.ID.Day(), c.Account, c.Link, []byte(r.Recipient), uint8(r.Token),
			uint8(c.Method), uint8(r.Class), int64(c.Flags), []byte(c.IP), []byte(c.UserAgent), []byte(c.Referrer),
			c.ID.MS(), now, r.Rule, r.Rules)
	})
	return err
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
