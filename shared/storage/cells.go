package storage

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"math/bits"
	"slices"

	"longtail/shared/click"
)

// Cells are the counters: link_minutes, link_quarters and link_totals. A transaction that adds to one has inserted the
// clicks that it counts; every zone's offset is a multiple of a quarter hour, so quarters give every zone's days.

const (
	minuteMS  = 60_000
	quarterMS = 15 * minuteMS
)

// cellKey names a cell: at is a minute or a quarter since 1970. Link 0 is the campaign.
type cellKey struct {
	campaign, link uint64
	at             int64
	class          Class
}

type cell struct {
	clicks int64
	firsts int64 // only in link 0, class 0
}

type totalKey struct {
	campaign, link uint64
	class          Class
}

type total struct {
	clicks  int64
	uniques int64 // only in class 0
	last    int64
}

// cells is what a batch adds to the counters.
type cells struct {
	minutes  map[cellKey]cell
	quarters map[cellKey]cell
	totals   map[totalKey]total
	floor    int32 // minutes of earlier days were dropped and are not written again
}

// tally counts the clicks of a batch and what they changed among the recipients.
func tally(clicks []ClickRow, recipients []met, minutesFloor int32) *cells {
	c := &cells{map[cellKey]cell{}, map[cellKey]cell{}, map[totalKey]total{}, minutesFloor}
	links := map[[2]uint64]uint64{} // (campaign, ordinal) -> link
	for i := range clicks {
		r := &clicks[i].Click
		if !r.Counts() {
			continue
		}
		links[[2]uint64{r.Campaign, uint64(r.Ordinal)}] = r.Link
		for _, link := range []uint64{0, r.Link} {
			c.click(r.Campaign, link, clicks[i].Class, r.ID.MS())
		}
	}
	for _, m := range recipients {
		for left := uint64(m.newLinks); left != 0; left &= left - 1 {
			ordinal := uint64(m.page)*bitsPerPage + uint64(bits.TrailingZeros64(left))
			c.unique(m.campaign, links[[2]uint64{m.campaign, ordinal}])
		}
		if m.page != 0 {
			continue
		}
		switch {
		case m.prevFirst == 0:
			c.unique(m.campaign, 0)
			c.first(m.campaign, m.first, 1)
		case m.first < m.prevFirst: // an earlier click came late
			c.first(m.campaign, m.first, 1)
			c.first(m.campaign, m.prevFirst, -1)
		}
	}
	return c
}

func (c *cells) add(campaign, link uint64, class Class, ms int64, by cell) {
	plus := func(m map[cellKey]cell, at int64) {
		key := cellKey{campaign, link, at, class}
		have := m[key]
		m[key] = cell{have.clicks + by.clicks, have.firsts + by.firsts}
	}
	if click.Day(ms) >= c.floor {
		plus(c.minutes, ms/minuteMS)
	}
	plus(c.quarters, ms/quarterMS)
}

func (c *cells) click(campaign, link uint64, class Class, ms int64) {
	c.add(campaign, link, class, ms, cell{clicks: 1})
	key := totalKey{campaign, link, class}
	t := c.totals[key]
	c.totals[key] = total{t.clicks + 1, t.uniques, max(t.last, ms)}
}

func (c *cells) first(campaign uint64, ms, by int64) {
	c.add(campaign, 0, Unknown, ms, cell{firsts: by})
}

func (c *cells) unique(campaign, link uint64) {
	key := totalKey{campaign, link, Unknown}
	t := c.totals[key]
	t.uniques++
	c.totals[key] = t
}

func (d *DB) addCells(ctx context.Context, tx *sql.Tx, c *cells) error {
	if err := d.addMinutes(ctx, tx, c.minutes); err != nil {
		return err
	}
	if err := d.addQuarters(ctx, tx, c.quarters); err != nil {
		return err
	}
	return d.addTotals(ctx, tx, c.totals)
}

// cellOrder returns the keys in the order of their locks.
func cellOrder(m map[cellKey]cell) []cellKey {
	return slices.SortedFunc(maps.Keys(m), func(x, y cellKey) int {
		return cmp.Or(cmp.Compare(x.campaign, y.campaign), cmp.Compare(x.link, y.link), cmp.Compare(x.at, y.at), cmp.Compare(x.class, y.class))
	})
}
