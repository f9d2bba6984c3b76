package stats

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"longtail/redirector/internal/problem"
	"longtail/shared/click"
	"longtail/shared/storage"
)

// memory counts clicks that were given as times.
type memory struct {
	times    []int64
	complete int64
	clicks   map[uint64][]storage.ExportedClick // by campaign
	asked    int                                // pages of clicks
	rows     int                                // pieces of rows that were counted
	floorDay int32
	fail     error
}

func (m *memory) Totals(context.Context, uint64, uint64) (storage.Count, error) {
	n := int64(len(m.times))
	return storage.Count{Clicks: n, Unknown: n, Uniques: n}, m.fail
}

func (m *memory) Sums(_ context.Context, _, _ uint64, pieces []storage.Piece) (c storage.Count, err error) {
	for _, cell := range m.cells(pieces) {
		c.Clicks += cell.Clicks
	}
	return c, m.fail
}

func (m *memory) ByLink(context.Context, uint64, []storage.Piece, int) ([]storage.LinkCount, error) {
	return nil, m.fail
}

func (m *memory) Cells(_ context.Context, _, _ uint64, pieces []storage.Piece) ([]storage.Cell, error) {
	return m.cells(pieces), m.fail
}

func (m *memory) cells(pieces []storage.Piece) (cells []storage.Cell) {
	for _, p := range pieces {
		unit := minuteMS
		switch {
		case p.Quarters:
			unit = quarterMS
		case p.Rows: // one cell, within a minute
			m.rows++
			if unit = p.ToMS - p.FromMS; unit <= 0 || floor(p.FromMS, minuteMS) != floor(p.ToMS-1, minuteMS) || unit == minuteMS {
				panic(fmt.Sprintf("%+v is not a part of a minute", p))
			}
			cells = m.cell(cells, p.FromMS, unit)
			continue
		}
		if p.FromMS%unit != 0 || p.ToMS%unit != 0 {
			panic(fmt.Sprintf("%+v is not a piece of whole cells", p))
		}
		for start := p.FromMS; start < p.ToMS; start += unit {
			cells = m.cell(cells, start, unit)
		}
	}
	return cells
}

// cell adds the cell that begins at start, if anything was clicked in it.
func (m *memory) cell(cells []storage.Cell, start, unit int64) []storage.Cell {
	n := int64(0)
	for _, at := range m.times {
		if start <= at && at < start+unit {
			n++
		}
	}
	if n > 0 {
		cells = append(cells, storage.Cell{StartMS: start, Clicks: n})
	}
	return cells
}

func (m *memory) RetentionFloor(context.Context) (int32, error) { return m.floorDay, m.fail }

func (m *memory) Completeness(context.Context) (int64, error)               { return m.complete, m.fail }
func (m *memory) Gaps(context.Context, int64, int64) ([]storage.Gap, error) { return nil, m.fail }
func (m *memory) FeedBalance(context.Context, uint64) (storage.FeedBalance, error) {
	return storage.FeedBalance{}, m.fail
}

func (m *memory) Recipients(_ context.Context, _ uint64, _, after string, limit int) (found []storage.Clicker, err error) {
	for _, name := range []string{"a", "b", "c"} {
		if name > after && len(found) < limit {
			found = append(found, storage.Clicker{Recipient: name})
		}
	}
	return found, m.fail
}

func (m *memory) Clicks(_ context.Context, campaign uint64, from, to int64, after click.ID, limit int) (page []storage.ExportedClick, err error) {
	m.asked++
	for _, c := range m.clicks[campaign] {
		if c.ID.MS() >= from && c.ID.MS() < to && c.ID.String() > after.String() && len(page) < limit {
			page = append(page, c)
		}
	}
	return page, m.fail
}

func (m *memory) CampaignIDs(_ context.Context, _ uint32, after uint64, limit int) (ids []uint64, err error) {
	for id := range m.clicks {
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids[:min(limit, len(ids))], m.fail
}

func at(text string) *int64 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return new(t.UnixMilli())
}

// In a bubble it is midnight of 2000-01-01: synctest's time begins there.
func TestRangeRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(&memory{})
		for _, c := range []struct {
			q    Question
			want string
		}{
			{Question{}, ""},
			{Question{Resolution: "day", SinceMS: *at("1999-12-01T00:00:00Z")}, ""},
			{Question{FromMS: at("1999-12-31T10:01:00Z"), ToMS: at("1999-12-31T10:02:00Z")}, ""},
			{Question{FromMS: at("1999-01-01T10:15:00Z")}, ""},
			{Question{FromMS: at("2001-01-01T00:00:00Z"), Resolution: "hour"}, ""},
			{Question{SinceMS: *at("1999-12-31T00:00:00Z"), ToMS: at("1999-12-01T00:00:00Z"), Resolution: "hour"}, ""},
			{Question{FromMS: at("1999-12-31T10:01:01Z")}, ""},
			{Question{ToMS: at("1999-12-31T10:01:00.001Z")}, ""},
			{Question{FromMS: at("1999-12-31T10:01:00.001Z"), ToMS: at("1999-12-31T10:01:00.002Z"), Resolution: "minute"}, ""},
			{Question{FromMS: at("1999-11-27T00:00:00.001Z")}, ""},
			{Question{FromMS: at("1999-11-26T23:59:59.999Z")}, "from border"},
			{Question{ToMS: at("1999-11-26T23:59:59Z")}, "to border"},
			{Question{FromMS: at("1999-11-01T10:01:00Z")}, "from border"},
			{Question{FromMS: at("1999-12-31T10:00:00Z"), ToMS: at("1999-12-31T10:00:00Z")}, "from order"},
			{Question{Zone: "Mars/Olympus"}, "tz zone"},
			{Question{Zone: "Local"}, "tz zone"},
			{Question{Zone: "../etc/passwd"}, "tz zone"},
			{Question{Resolution: "week"}, "resolution one_of"},
			{Question{FromMS: at("1999-01-01T00:00:00Z"), Resolution: "minute"}, "resolution border"},
			{Question{FromMS: at("1999-12-01T00:00:00Z"), Resolution: "minute"}, "resolution points"},
			{Question{FromMS: at("1990-01-01T00:00:00Z"), Resolution: "hour"}, "resolution points"},
			{Question{FromMS: at("1990-01-01T00:00:00Z"), Resolution: "day"}, ""},
			{Question{FromMS: at("1970-01-01T00:00:00Z"), Resolution: "day"}, "resolution points"},
		} {
			if _, err := s.Figures(t.Context(), c.q); rules(err) != c.want {
				t.Errorf("%+v: %q, want %q", c.q, rules(err), c.want)
			}
		}
		_, err := s.Figures(t.Context(), Question{FromMS: at("1999-11-01T10:01:01Z"), Zone: "x", Resolution: "x"})
		if got := rules(err); got != "from border tz zone resolution one_of" {
			t.Errorf("not all mistakes at once: %q", got)
		}
	})
}

func rules(err error) (words string) {
	var p *problem.Problem
	if !errors.As(err, &p) {
		return ""
	}
	for i, f := range p.Errors {
		if i > 0 {
			words += " "
		}
		words += f.Field + " " + f.Rule
	}
	return words
}

func TestPointsDetail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := New(&memory{}).Figures(t.Context(), Question{FromMS: at("1999-12-01T00:00:00Z"), Resolution: "minute"})
		var p *problem.Problem
		if !errors.As(err, &p) || p.Errors[0].Detail != "more than 10000 points; hour fits" {
			t.Errorf("%+v", p)
		}
	})
}

// TestPartsAddUp: however a range is cut, to the millisecond, the parts have as many clicks as the whole.
func TestPartsAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		m := &memory{}
		from, to := *at("1999-12-30T21:07:11.123Z"), *at("1999-12-31T20:53:00Z")
		for i := range int64(1000) {
			m.times = append(m.times, from-3_600_000+i*100_003)
		}
		s := New(m)
		count := func(from, to int64) int64 {
			a, err := s.Figures(t.Context(), Question{FromMS: &from, ToMS: &to, Resolution: "minute"})
			if err != nil {
				t.Fatal(err)
			}
			if n := inSeries(t, a.Series, from, to); n != a.Clicks {
				t.Fatalf("[%d, %d): %d in the series of %d", from, to, n, a.Clicks)
			}
			return a.Clicks
		}
		whole := count(from, to)
		for range 200 {
			mid := from + 1 + random.Int64N(to-from-1)
			if random.IntN(2) == 0 { // at a click
				mid = m.times[random.IntN(len(m.times))]
			}
			if mid <= from || mid >= to {
				continue
			}
			if got := count(from, mid) + count(mid, to); got != whole {
				t.Fatalf("cut at %d: %d, whole %d", mid, got, whole)
			}
		}
	})
}

// inSeries sums a series of minutes and checks where its points begin.
func inSeries(t *testing.T, series []storage.Cell, from, to int64) (sum int64) {
	t.Helper()
	for i, p := range series {
		sum += p.Clicks
		if i == 0 && p.StartMS != from || i > 0 && p.StartMS%minuteMS != 0 || p.StartMS >= to {
			t.Fatalf("[%d, %d): point %d begins at %d", from, to, i, p.StartMS)
		}
	}
	return sum
}

// TestRowsOfTwoPartsOfMinutes: however long a range, rows are read of less than two minutes.
func TestRowsOfTwoPartsOfMinutes(t *testing.T) {
	for _, c := range []struct {
		from, to int64
		rows     int
	}{
		{0, 60_000, 0}, {0, 900_000, 0}, {1, 60_000, 1}, {1, 59_999, 1}, {30_000, 90_000, 2}, {30_000, 60_000, 1}, {60_000, 60_000, 0},
		{1, 86_400_001, 2}, {899_999, 900_001, 2}, {899_999, 1_800_000, 1}, {7, 7, 0},
	} {
		for _, pieces := range [][]storage.Piece{quarters(c.from, c.to), minutes(c.from, c.to)} {
			rows, at := 0, c.from
			for _, p := range pieces {
				if p.FromMS != at || p.ToMS <= at {
					t.Errorf("%+v: %+v", c, pieces)
				}
				if at = p.ToMS; p.Rows {
					rows++
				}
			}
			if rows != c.rows || at != c.to || pieces == nil {
				t.Errorf("%+v: %+v", c, pieces)
			}
		}
	}
}

// TestRowsAreKept: a border within a minute whose clicks may be dropped is refused, not answered wrong.
func TestRowsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{floorDay: 19991230}
		for _, c := range []struct{ from, to, want string }{
			{"1999-12-29T10:00:00.001Z", "1999-12-29T11:00:00Z", "from border"},
			{"1999-12-29T10:00:00.001Z", "1999-12-29T11:00:01Z", "from border to border"},
			{"1999-12-29T10:01:00Z", "1999-12-29T11:01:00Z", ""},
			{"1999-12-29T10:01:00Z", "1999-12-30T00:00:00.001Z", ""},
		} {
			if _, err := New(m).Figures(t.Context(), Question{FromMS: at(c.from), ToMS: at(c.to)}); rules(err) != c.want {
				t.Errorf("%+v: %v", c, err)
			}
		}
	})
}

func TestSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{times: []int64{*at("1999-12-30T18:29:59Z"), *at("1999-12-30T18:30:00Z"), *at("1999-12-31T18:29:00Z"), *at("1999-12-31T18:31:00Z")}}
		s := New(m)
		for _, c := range []struct {
			q    Question
			want string
		}{
			{Question{FromMS: at("1999-12-30T00:00:00Z"), ToMS: at("2000-01-01T00:00:00Z"), Resolution: "day"}, "12-30T00:00 2, 12-31T00:00 2"},
			{Question{FromMS: at("1999-12-29T18:30:00Z"), ToMS: at("2000-01-01T18:30:00Z"), Resolution: "day", Zone: "Asia/Kolkata"}, "12-29T18:30 1, 12-30T18:30 2, 12-31T18:30 1"},
			{Question{FromMS: at("1999-12-30T17:50:00Z"), ToMS: at("1999-12-30T20:10:00Z"), Resolution: "hour"}, "12-30T17:50 0, 12-30T18:00 2, 12-30T19:00 0, 12-30T20:00 0"},
			{Question{SinceMS: *at("1999-12-31T05:07:00Z"), ToMS: at("1999-12-31T07:00:00Z"), Resolution: "hour"}, "12-31T05:00 0, 12-31T06:00 0"},
			{Question{SinceMS: *at("1999-12-30T20:07:00Z"), ToMS: at("1999-12-31T20:00:00Z"), Resolution: "day", Zone: "Asia/Kolkata"}, "12-30T18:30 2, 12-31T18:30 1"},
			{Question{FromMS: at("1999-12-31T18:29:00Z"), ToMS: at("1999-12-31T18:32:00Z"), Resolution: "minute"}, "12-31T18:29 1, 12-31T18:30 0, 12-31T18:31 1"},
			{Question{FromMS: at("1999-12-30T18:29:59.5Z"), ToMS: at("1999-12-30T18:30:00.001Z"), Resolution: "minute"}, "12-30T18:29 0, 12-30T18:30 1"},
			{Question{FromMS: at("1999-12-30T18:29:59Z"), ToMS: at("1999-12-31T18:31:00.001Z"), Resolution: "day"}, "12-30T18:29 2, 12-31T00:00 2"},
			{Question{FromMS: at("1999-12-30T18:29:58.999Z"), ToMS: at("1999-12-30T18:30:00Z"), Resolution: "hour", Zone: "Asia/Kolkata"}, "12-30T18:29 1"},
		} {
			a, err := s.Figures(t.Context(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			if got := written(a.Series); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		}
	})
}

// TestSeriesAcrossSummerTime has days of 23 and 25 hours.
func TestSeriesAcrossSummerTime(t *testing.T) {
	zone, _ := time.LoadLocation("Europe/Berlin")
	s := step{"day", zone}
	for day, hours := range map[string]int64{"2026-03-28T23:00:00Z": 23, "2026-10-24T22:00:00Z": 25, "2026-06-01T22:00:00Z": 24} {
		if got := s.next(*at(day)) - *at(day); got != hours*hourMS {
			t.Errorf("%s: %d h", day, got/hourMS)
		}
	}
}

func written(series []storage.Cell) (text string) {
	for i, c := range series {
		if i > 0 {
			text += ", "
		}
		text += time.UnixMilli(c.StartMS).UTC().Format("01-02T15:04 ") + fmt.Sprint(c.Clicks)
	}
	return text
}

func TestRecipientsPages(t *testing.T) {
	s := New(&memory{})
	var all []string
	for after := ""; ; {
		page, next, err := s.Recipients(t.Context(), 1, "", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			all = append(all, r.Recipient)
		}
		if after = next; next == "" {
			break
		}
	}
	if !slices.Equal(all, []string{"a", "b", "c"}) {
		t.Error(all)
	}
}

func TestExport(t *testing.T) {
	m := &memory{complete: 5_000_000, clicks: map[uint64][]storage.ExportedClick{}}
	for i := range 5000 {
		id := click.NewID(int64(i) * 1000)
		m.clicks[7] = append(m.clicks[7], storage.ExportedClick{ID: id})
	}
	m.clicks[9] = []storage.ExportedClick{{ID: click.NewID(4_999_999)}, {ID: click.NewID(5_000_000)}} // the second is not complete yet
	s := New(m)
	read := func(ask Export) (n int, last click.ID, upto int64) {
		stream, err := s.Export(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		for c, err := range stream.Clicks(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n, last = n+1, c.ID
		}
		return n, last, stream.UptoMS
	}
	n, _, upto := read(Export{Account: 1})
	if n != 5001 || upto != 5_000_000 {
		t.Errorf("%d clicks up to %d", n, upto)
	}
	m.complete = 6_000_000
	if n, _, _ := read(Export{Account: 1, FromMS: &upto}); n != 1 {
		t.Errorf("%d clicks since", n)
	}
	if n, _, _ := read(Export{Campaign: 7, FromMS: new(m.clicks[7][4000].ID.MS()), After: m.clicks[7][4000].ID}); n != 999 {
		t.Errorf("%d clicks behind one", n)
	}
	if n, _, upto := read(Export{Campaign: 7, FromMS: new(int64(1000)), ToMS: new(int64(3000))}); n != 2 || upto != 3000 {
		t.Errorf("%d clicks in a range", n)
	}
	if n, _, upto := read(Export{Campaign: 7, FromMS: new(int64(9_000_000))}); n != 0 || upto != 9_000_000 {
		t.Errorf("%d clicks of the future", n)
	}
	if _, err := s.Export(t.Context(), Export{FromMS: new(int64(2)), ToMS: new(int64(1))}); rules(err) != "from order" {
		t.Error(err)
	}
	m.fail = errors.New("gone")
	if _, err := s.Export(t.Context(), Export{}); !errors.Is(err, m.fail) {
		t.Error(err)
	}
}
