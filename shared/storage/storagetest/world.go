package storagetest

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

// world is one test's database, its store and a second way in.
type world struct {
	t   *testing.T
	dsn string
	db  *storage.DB
	raw *sql.DB
	now int64 // Unix milliseconds of today's noon: no test crosses a day by chance
}

func newWorld(t *testing.T, fresh Fresh) *world {
	t.Helper()
	w := &world{t: t, dsn: fresh(t), now: time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour).UnixMilli()}
	w.db = open(t, w.dsn, nil)
	if err := w.db.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	w.raw = raw(t, w.dsn)
	return w
}

// store opens another store on the same database, with faults.
func (w *world) store(f *faults) *storage.DB {
	w.t.Helper()
	var wrap func(driver.Connector) driver.Connector
	if f != nil {
		wrap = f.wrap
	}
	return open(w.t, w.dsn, wrap)
}

// feedOf makes a feed's id from a number.
func feedOf(n byte) queue.FeedID { return queue.FeedID{0: 0xfe, 15: n} }

// at returns a valid GET of recipient on the link with ordinal, ms after noon.
func (w *world) at(ms int64, campaign uint64, ordinal uint32, recipient string) storage.ClickRow {
	c := click.Click{
		ID: click.NewID(w.now + ms), Link: campaign*1000 + uint64(ordinal) + 1, Ordinal: ordinal, Account: 1, Campaign: campaign, Domain: 1,
		Method: click.GET, IP: "192.0.2.0", UserAgent: "Mozilla/5.0", Referrer: "https://mail.example/",
	}
	row := storage.ClickRow{Click: c, Feed: feedOf(1), Class: storage.Human, Rule: 1, Rules: 1}
	if recipient != "" {
		row.Recipient, row.Token = recipient, storage.TokenValid
	}
	return row
}

// some returns n clicks over a few campaigns, links, recipients, classes and minutes.
func (w *world) some(n int) []storage.ClickRow {
	rows := make([]storage.ClickRow, n)
	for i := range rows {
		recipient := fmt.Sprintf("r-%d", i%37)
		if i%5 == 0 {
			recipient = ""
		}
		rows[i] = w.at(int64(i)*1700, uint64(1+i%2), uint32(i*i%130), recipient)
		rows[i].Class = storage.Class(i % 3)
		if i%11 == 0 {
			rows[i].Click.Method = click.HEAD
		}
	}
	return rows
}

func (w *world) ingest(b storage.Batch) storage.Outcome {
	w.t.Helper()
	out, err := w.db.Ingest(w.t.Context(), b)
	if err != nil {
		w.t.Fatalf("ingest: %v", err)
	}
	return out
}

func (w *world) number(query string, args ...any) int64 {
	w.t.Helper()
	return number(w.t, w.raw, query, args...)
}

// sums is what every reader must find equal at any time: rows and each counter.
const sums = `SELECT (SELECT COUNT(*) FROM clicks WHERE method = 1),
	(SELECT COALESCE(SUM(clicks), 0) FROM link_minutes WHERE link_id = 0), (SELECT COALESCE(SUM(clicks), 0) FROM link_minutes WHERE link_id <> 0),
	(SELECT COALESCE(SUM(clicks), 0) FROM link_quarters WHERE link_id = 0), (SELECT COALESCE(SUM(clicks), 0) FROM link_quarters WHERE link_id <> 0),
	(SELECT COALESCE(SUM(clicks), 0) FROM link_totals WHERE link_id = 0), (SELECT COALESCE(SUM(clicks), 0) FROM link_totals WHERE link_id <> 0),
	(SELECT COALESCE(SUM(feed_counts.stored), 0) FROM feed_counts),
	(SELECT COUNT(*) FROM recipients WHERE page = 0), (SELECT COALESCE(SUM(firsts), 0) FROM link_minutes),
	(SELECT COALESCE(SUM(firsts), 0) FROM link_quarters), (SELECT COALESCE(SUM(uniques), 0) FROM link_totals WHERE link_id = 0),
	(SELECT COALESCE(SUM(clicks), 0) FROM recipients), (SELECT COUNT(*) FROM clicks WHERE method = 1 AND token = 1)`

// balanced reads the sums in one statement and tells the first that differs.
func balanced(get func(query string, args ...any) *sql.Row) (rows int64, err error) {
	var v [14]int64
	into := make([]any, len(v))
	for i := range v {
		into[i] = &v[i]
	}
	if err := get(sums).Scan(into...); err != nil {
		return 0, err
	}
	for i := 1; i < 8; i++ {
		if v[i] != v[0] {
			return v[0], fmt.Errorf("%d rows of clicks, but sum %d is %d (%v)", v[0], i, v[i], v)
		}
	}
	if v[8] != v[9] || v[8] != v[10] || v[8] != v[11] || v[12] != v[13] {
		return v[0], fmt.Errorf("uniques or recipients differ: %v", v)
	}
	return v[0], nil
}

// wantSums fails unless rows clicks are stored and every counter agrees.
func (w *world) wantSums(rows int64) {
	w.t.Helper()
	got, err := balanced(func(q string, args ...any) *sql.Row { return w.raw.QueryRowContext(w.t.Context(), q, args...) })
	if err != nil {
		w.t.Fatal(err)
	}
	if got != rows {
		w.t.Fatalf("%d GETs are stored, want %d", got, rows)
	}
}
