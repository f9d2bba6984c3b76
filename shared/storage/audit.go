package storage

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Audit compares every counter with the rows that it counts. It reads one snapshot, so it is exact while inserts go on;
// it scans the days it is asked for, so it is no query for a page.

// A Difference is one counter that does not agree with the rows.
type Difference struct {
	Table, Column string
	Campaign      uint64
	Link          uint64 // 0 = the campaign
	At            int64  // minute or quarter since 1970, where the table has one
	Class         Class
	Recipient     string // where the table has one
	Page          uint32
	Want, Have    int64
}

// String names the counter and both values.
func (d Difference) String() string {
	return fmt.Sprintf("%s.%s of campaign %d, link %d, at %d, class %d, recipient %q, page %d: %d, rows say %d",
		d.Table, d.Column, d.Campaign, d.Link, d.At, d.Class, d.Recipient, d.Page, d.Have, d.Want)
}

// Audit compares link_minutes, link_quarters, link_totals and recipients with clicks for the UTC days from dayFrom to
// dayTo (yyyymmdd, both included). Days whose clicks were dropped are left out. Totals and uniques are compared over
// their whole life, for the campaigns that have clicks or cells in those days. Recipients are compared exactly as long
// as no clicks were ever dropped; after that, that they hold at least what the rows say.
func (d *DB) Audit(ctx context.Context, dayFrom, dayTo int32) ([]Difference, error) {
	var all []Difference
	err := d.audit(ctx, dayFrom, dayTo, func(a *audit) error {
		for _, check := range []func(context.Context) error{a.recipients, a.cells, a.totals} {
			if err := check(ctx); err != nil {
				return err
			}
		}
		all = a.found
		return nil
	})
	return all, err
}

// audit is one snapshot of the days that are looked at.
type audit struct {
	d        *DB
	tx       *sql.Tx
	from, to int32
	floors   floors
	whole    bool // no clicks were ever dropped
	found    []Difference

	wantMinutes map[cellKey]cell
	campaigns   map[uint64]bool
	ordinals    map[uint64]map[uint64]uint32 // by campaign: link -> ordinal
	lastRow     map[totalKey]int64
}

func (d *DB) audit(ctx context.Context, from, to int32, look func(*audit) error) error {
	tx, err := d.sql.BeginTx(ctx, d.snapshot())
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	a := &audit{d: d, tx: tx, from: from, to: to, campaigns: map[uint64]bool{}, ordinals: map[uint64]map[uint64]uint32{}}
	rows, err := tx.QueryContext(ctx, "SELECT floor_day FROM retention WHERE id IN (1, 2) ORDER BY id")
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	days, err := collect(rows, func(day *int32) []any { return []any{day} })
	if err != nil || len(days) != 2 {
		return fmt.Errorf("audit: read floors: %w", err)
	}
	a.floors, a.whole = floors{days[0], days[1]}, days[0] == firstDay
	a.from = max(a.from, a.floors.clicks)
	if err := a.rows(ctx); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return look(a)
}

// firstDay is the floor of a store that has dropped nothing.
const firstDay = 1970_01_02

// span returns the milliseconds of the audited days, [from, to).
func (a *audit) span() (from, to int64) {
	return dayTime(a.from).UnixMilli(), dayTime(a.to).Add(24 * time.Hour).UnixMilli()
}

// rows counts the clicks of the days by minute, and the first clicks that the recipients tell.
func (a *audit) rows(ctx context.Context) error {
	a.wantMinutes, a.lastRow = map[cellKey]cell{}, map[totalKey]int64{}
	type row struct {
		campaign, link uint64
		class          Class
		ms, last, n    int64
	}
	rows, err := a.tx.QueryContext(ctx, "SELECT campaign_id, link_id, class, time_ms - time_ms % 60000 AS at, MAX(time_ms), COUNT(*) FROM clicks"+
		" WHERE day BETWEEN ? AND ? AND method = 1 GROUP BY campaign_id, link_id, class, at", a.from, a.to)
	if err != nil {
		return err
	}
	counted, err := collect(rows, func(r *row) []any { return []any{&r.campaign, &r.link, &r.class, &r.ms, &r.last, &r.n} })
	if err != nil {
		return err
	}
	for _, r := range counted {
		a.campaigns[r.campaign] = true
		for _, link := range []uint64{0, r.link} {
			a.want(cellKey{r.campaign, link, r.ms / minuteMS, r.class}, cell{clicks: r.n})
			key := totalKey{r.campaign, link, r.class}
			a.lastRow[key] = max(a.lastRow[key], r.last)
		}
	}
	from, to := a.span()
	rows, err = a.tx.QueryContext(ctx, "SELECT campaign_id, first_ms - first_ms % 60000 AS at, COUNT(*) FROM recipients"+
		" WHERE page = 0 AND first_ms >= ? AND first_ms < ? GROUP BY campaign_id, at", from, to)
	if err != nil {
		return err
	}
	firsts, err := collect(rows, func(r *row) []any { return []any{&r.campaign, &r.ms, &r.n} })
	for _, r := range firsts {
		a.campaigns[r.campaign] = true
		a.want(cellKey{r.campaign, 0, r.ms / minuteMS, Unknown}, cell{firsts: r.n})
	}
	return err
}

func (a *audit) want(key cellKey, by cell) {
	c := a.wantMinutes[key]
	a.wantMinutes[key] = cell{c.clicks + by.clicks, c.firsts + by.firsts}
}

// cells compares the minutes that are still kept, and the quarters.
func (a *audit) cells(ctx context.Context) error {
	minutes, quarters := map[cellKey]cell{}, map[cellKey]cell{}
	kept := dayTime(a.floors.minutes).UnixMilli() / minuteMS
	for key, c := range a.wantMinutes {
		if key.at >= kept {
			minutes[key] = c
		}
		key.at /= 15
		quarters[key] = cell{quarters[key].clicks + c.clicks, quarters[key].firsts + c.firsts}
	}
	from, to := a.span()
	if err := a.compare(ctx, "link_minutes", "minute", minutes, max(from/minuteMS, kept), to/minuteMS); err != nil {
		return err
	}
	return a.compare(ctx, "link_quarters", "quarter", quarters, from/quarterMS, to/quarterMS)
}

func (a *audit) compare(ctx context.Context, table, at string, want map[cellKey]cell, from, to int64) error {
	rows, err := a.tx.QueryContext(ctx, "SELECT campaign_id, link_id, "+at+", class, clicks, firsts FROM "+table+" WHERE "+at+" >= ? AND "+at+" < ?", from, to)
	if err != nil {
		return fmt.Errorf("audit %s: %w", table, err)
	}
	type row struct {
		cellKey
		cell
	}
	cells, err := collect(rows, func(r *row) []any { return []any{&r.campaign, &r.link, &r.at, &r.class, &r.clicks, &r.firsts} })
	if err != nil {
		return err
	}
	have := make(map[cellKey]cell, len(cells))
	for _, r := range cells {
		have[r.cellKey] = r.cell
		a.campaigns[r.campaign] = true
		if _, ok := want[r.cellKey]; !ok {
			want[r.cellKey] = cell{}
		}
	}
	for _, key := range cellOrder(want) {
		diff := Difference{Table: table, Campaign: key.campaign, Link: key.link, At: key.at, Class: key.class}
		a.differ(diff, "clicks", want[key].clicks, have[key].clicks)
		a.differ(diff, "firsts", want[key].firsts, have[key].firsts)
	}
	return nil
}

func (a *audit) differ(diff Difference, column string, want, have int64) {
	if want != have {
		diff.Column, diff.Want, diff.Have = column, want, have
		a.found = append(a.found, diff)
	}
}

// totals compares link_totals with all quarters and with the recipients' bits.
func (a *audit) totals(ctx context.Context) error {
	for _, campaign := range slices.Sorted(maps.Keys(a.campaigns)) {
		want, err := a.wantTotals(ctx, campaign)
		if err != nil {
			return fmt.Errorf("audit totals of campaign %d: %w", campaign, err)
		}
		rows, err := a.tx.QueryContext(ctx, "SELECT link_id, class, clicks, uniques, last_ms FROM link_totals WHERE campaign_id = ?", campaign)
		if err != nil {
			return fmt.Errorf("audit totals of campaign %d: %w", campaign, err)
		}
		type row struct {
			totalKey
			total
		}
		found, err := collect(rows, func(r *row) []any { return []any{&r.link, &r.class, &r.clicks, &r.uniques, &r.last} })
		if err != nil {
			return err
		}
		have := map[totalKey]total{}
		for _, r := range found {
			r.campaign = campaign
			have[r.totalKey] = r.total
			want[r.totalKey] = total{want[r.totalKey].clicks, want[r.totalKey].uniques, 0}
		}
		for _, key := range slices.SortedFunc(maps.Keys(want), compareTotals) {
			diff := Difference{Table: "link_totals", Campaign: campaign, Link: key.link, Class: key.class}
			a.differ(diff, "clicks", want[key].clicks, have[key].clicks)
			a.differ(diff, "uniques", want[key].uniques, have[key].uniques)
			a.differ(diff, "last_ms", max(a.lastRow[key], have[key].last), have[key].last)
		}
	}
	return nil
}

func compareTotals(x, y totalKey) int {
	return cmp.Or(cmp.Compare(x.campaign, y.campaign), cmp.Compare(x.link, y.link), cmp.Compare(x.class, y.class))
}

// wantTotals sums up the campaign's quarters, which are kept for ever, and counts the bits of its recipients.
func (a *audit) wantTotals(ctx context.Context, campaign uint64) (map[totalKey]total, error) {
	rows, err := a.tx.QueryContext(ctx, "SELECT link_id, class, SUM(clicks) FROM link_quarters WHERE campaign_id = ? GROUP BY link_id, class", campaign)
	if err != nil {
		return nil, err
	}
	type row struct {
		totalKey
		clicks int64
	}
	sums, err := collect(rows, func(r *row) []any { return []any{&r.link, &r.class, &r.clicks} })
	if err != nil {
		return nil, err
	}
	want := map[totalKey]total{}
	for _, r := range sums {
		r.campaign = campaign
		want[r.totalKey] = total{clicks: r.clicks}
	}
	uniques, err := a.uniques(ctx, campaign)
	for link, n := range uniques {
		key := totalKey{campaign, link, Unknown}
		want[key] = total{want[key].clicks, n, 0}
	}
	return want, err
}

// uniques counts the campaign's recipients by link; link 0 is the campaign.
func (a *audit) uniques(ctx context.Context, campaign uint64) (map[uint64]int64, error) {
	ordinals, err := a.ordinalsOf(ctx, campaign)
	if err != nil {
		return nil, err
	}
	links := make(map[uint32]uint64, len(ordinals))
	for link, ordinal := range ordinals {
		links[ordinal] = link
	}
	rows, err := a.tx.QueryContext(ctx, "SELECT page, links FROM recipients WHERE campaign_id = ?", campaign)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	uniques := map[uint64]int64{}
	for rows.Next() {
		var page uint32
		var set int64
		if err := rows.Scan(&page, &set); err != nil {
			return nil, err
		}
		if page == 0 {
			uniques[0]++
		}
		for ordinal := range bitsOf(page, set) {
			uniques[links[ordinal]]++
		}
	}
	return uniques, rows.Err()
}

func (a *audit) ordinalsOf(ctx context.Context, campaign uint64) (map[uint64]uint32, error) {
	if known := a.ordinals[campaign]; known != nil {
		return known, nil
	}
	ordinals, err := linkOrdinals(ctx, a.tx, campaign)
	a.ordinals[campaign] = ordinals
	return ordinals, err
}
