package storage

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"strings"
)

// bitsOf yields the ordinals of a page's set bits.
func bitsOf(page uint32, links int64) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for left := uint64(links); left != 0; left &= left - 1 {
			if !yield(page*bitsPerPage + uint32(bits.TrailingZeros64(left))) {
				return
			}
		}
	}
}

// linkOrdinals returns the bit of each link of a campaign.
func linkOrdinals(ctx context.Context, q querier, campaign uint64) (map[uint64]uint32, error) {
	rows, err := q.QueryContext(ctx, "SELECT id, ordinal FROM links WHERE campaign_id = ?", campaign)
	if err != nil {
		return nil, fmt.Errorf("read ordinals: %w", err)
	}
	type row struct {
		id      uint64
		ordinal uint32
	}
	all, err := collect(rows, func(r *row) []any { return []any{&r.id, &r.ordinal} })
	ordinals := make(map[uint64]uint32, len(all))
	for _, r := range all {
		ordinals[r.id] = r.ordinal
	}
	return ordinals, err
}

// recipients compares the recipients of every campaign that has clicks in the days.
func (a *audit) recipients(ctx context.Context) error {
	for _, campaign := range slices.Sorted(maps.Keys(a.campaigns)) {
		ordinals, err := a.ordinalsOf(ctx, campaign)
		if err != nil {
			return err
		}
		where, args := " AND day BETWEEN ? AND ?", []any{campaign, a.from, a.to}
		if a.whole {
			where, args = "", args[:1] // a recipient's row counts its whole life
		}
		want, err := recipientsOf(ctx, a.tx, ordinals, where, args)
		if err != nil {
			return fmt.Errorf("audit recipients of campaign %d: %w", campaign, err)
		}
		if err := a.comparePages(ctx, campaign, want); err != nil {
			return fmt.Errorf("audit recipients of campaign %d: %w", campaign, err)
		}
	}
	return nil
}

// recipientsOf builds recipients' pages from their clicks; args begin with the campaign.
func recipientsOf(ctx context.Context, q querier, ordinals map[uint64]uint32, where string, args []any) (map[pageKey]recipientPage, error) {
	rows, err := q.QueryContext(ctx, "SELECT recipient, link_id, MIN(time_ms), MAX(time_ms), COUNT(*) FROM clicks"+
		" WHERE campaign_id = ? AND token = 1 AND method = 1"+where+" GROUP BY recipient, link_id", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	campaign := args[0].(uint64)
	pages := map[pageKey]recipientPage{}
	for rows.Next() {
		var recipient string
		var link uint64
		var first, last, n int64
		if err := rows.Scan(&recipient, &link, &first, &last, &n); err != nil {
			return nil, err
		}
		ordinal, bit := ordinals[link], int64(0)
		if _, known := ordinals[link]; known {
			bit = 1 << (ordinal % bitsPerPage)
		}
		add := func(page uint32, links, clicks int64) {
			key := pageKey{campaign, recipient, page}
			p, ok := pages[key]
			if !ok {
				p = recipientPage{campaign: campaign, recipient: recipient, page: page, first: first}
			}
			p.links, p.clicks = p.links|links, p.clicks+clicks
			p.first, p.last = min(p.first, first), max(p.last, last)
			pages[key] = p
		}
		add(0, 0, n)
		add(ordinal/bitsPerPage, bit, 0)
	}
	return pages, rows.Err()
}

func (a *audit) comparePages(ctx context.Context, campaign uint64, want map[pageKey]recipientPage) error {
	rows, err := a.tx.QueryContext(ctx, "SELECT recipient, page, links, first_ms, last_ms, clicks FROM recipients WHERE campaign_id = ?", campaign)
	if err != nil {
		return err
	}
	all, err := collect(rows, func(p *recipientPage) []any {
		return []any{&p.recipient, &p.page, &p.links, &p.first, &p.last, &p.clicks}
	})
	if err != nil {
		return err
	}
	have := make(map[pageKey]recipientPage, len(all))
	for _, p := range all {
		key := pageKey{campaign, p.recipient, p.page}
		have[key] = p
		if _, ok := want[key]; !ok {
			want[key] = recipientPage{}
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(want), comparePageKeys) {
		a.differPage(key, want[key], have[key])
	}
	return nil
}

func comparePageKeys(x, y pageKey) int {
	return cmp.Or(strings.Compare(x.recipient, y.recipient), cmp.Compare(x.page, y.page))
}

// differPage compares one row. Where clicks were dropped, the row may know more than the rows that are left.
func (a *audit) differPage(key pageKey, want, have recipientPage) {
	if !a.whole {
		want.links |= have.links
		want.last, want.clicks = max(want.last, have.last), max(want.clicks, have.clicks)
		if want.first == 0 || have.first != 0 && have.first < want.first {
			want.first = have.first
		}
	}
	diff := Difference{Table: "recipients", Campaign: key.campaign, Recipient: key.recipient, Page: key.page}
	a.differ(diff, "links", want.links, have.links)
	a.differ(diff, "clicks", want.clicks, have.clicks)
	if key.page == 0 { // on other pages the times are nobody's first and last
		a.differ(diff, "first_ms", want.first, have.first)
		a.differ(diff, "last_ms", want.last, have.last)
	}
}
