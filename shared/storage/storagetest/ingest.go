package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"longtail/shared/click"
	"longtail/shared/storage"
)

var ingestTests = []conformance{
	{"IngestCountsOnce", func(t *testing.T, fresh Fresh) {
		w := newWorld(t, fresh)
		rows := w.some(600)
		gets := int64(len(rows) - (len(rows)+10)/11)
		out := w.ingest(storage.Batch{Clicks: append(slices.Clone(rows), rows[:50]...)})
		if out.Inserted != 600 || out.Duplicate != 50 {
			t.Fatalf("%+v, want 600 inserted, 50 duplicate", out)
		}
		w.wantSums(gets)
		for range 3 { // whole batches again, cut otherwise
			out := w.ingest(storage.Batch{Clicks: rows[100:500]})
			if out.Inserted != 0 || out.Duplicate != 400 {
				t.Fatalf("%+v, want 400 duplicate", out)
			}
		}
		w.wantSums(gets)
		more := w.some(40)
		out = w.ingest(storage.Batch{Clicks: append(slices.Clone(rows[560:]), more...)})
		if out.Inserted != 40 || out.Duplicate != 40 {
			t.Fatalf("%+v, want 40 and 40", out)
		}
		w.wantSums(gets + 36)
		if head := w.number("SELECT COUNT(*) FROM clicks WHERE method = 2"); head != 55+4 {
			t.Fatalf("%d HEADs are rows, want 59", head)
		}
	}},
	{"IngestEmptyBatchKeepsRanges", func(t *testing.T, fresh Fresh) {
		w := newWorld(t, fresh)
		w.ingest(storage.Batch{Ranges: []storage.Range{{Feed: feedOf(1), From: 0, To: 10, UptoMS: 5}, {Feed: feedOf(1), From: 0, To: 10, UptoMS: 7}}})
		if n := w.number("SELECT COUNT(*) FROM feed_ranges WHERE to_pos = 10 AND upto_ms = 7"); n != 1 {
			t.Fatalf("%d ranges, want 1", n)
		}
	}},
	{"TwoWorkersSameClicks", twoWorkers},
	{"MovedFirsts", movedFirsts},
	{"PagesOfLinks", pagesOfLinks},
	{"RecipientsMerged", recipientsMerged},
	{"PoisonStandsAlone", poisonAlone},
	{"M5ClicksOfAnyTime", anyTime},
	{"M6RedeliveredAcrossMidnight", acrossMidnight},
}

func twoWorkers(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	rows := w.some(2200)
	var wg sync.WaitGroup
	for worker := range 4 {
		db := w.store(nil)
		wg.Go(func() {
			for at := 0; at < len(rows); at += 100 {
				some := slices.Clone(rows[at:min(at+150+worker*10, len(rows))])
				slices.Reverse(some)
				if _, err := db.Ingest(t.Context(), storage.Batch{Clicks: some}); err != nil {
					t.Errorf("worker %d: %v", worker, err)
				}
			}
		})
	}
	wg.Wait()
	w.wantSums(2000)
}

func movedFirsts(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	minute := func(ms int64) int64 { return (w.now + ms) / 60_000 }
	firsts := func(ms int64) int64 {
		return w.number("SELECT COALESCE(SUM(firsts), 0) FROM link_minutes WHERE campaign_id = 1 AND link_id = 0 AND minute = ?", minute(ms))
	}
	late, early, earlier := int64(50*60_000), int64(20*60_000), int64(1000)
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{w.at(late, 1, 0, "a"), w.at(late, 1, 0, "b")}})
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{w.at(early, 1, 1, "a")}})
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{w.at(late, 1, 2, "a"), w.at(earlier, 1, 2, "a")}})
	if got := [3]int64{firsts(late), firsts(early), firsts(earlier)}; got != [3]int64{1, 0, 1} {
		t.Fatalf("firsts by minute %v, want [1 0 1]", got)
	}
	w.wantSums(5)
}

func pagesOfLinks(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	ordinals := []uint32{61, 62, 63, 123, 124, 0, 61, 62, 6200}
	var rows []storage.ClickRow
	for i, o := range ordinals {
		rows = append(rows, w.at(int64(i), 1, o, "r"))
	}
	w.ingest(storage.Batch{Clicks: rows[:4]})
	w.ingest(storage.Batch{Clicks: rows[4:]})
	w.wantSums(int64(len(ordinals)))
	if n := w.number("SELECT COUNT(*) FROM recipients WHERE page = 0 AND clicks = ?", len(ordinals)); n != 1 {
		t.Fatalf("page 0 does not count %d clicks", len(ordinals))
	}
	for _, o := range ordinals {
		link := rows[slices.Index(ordinals, o)].Click.Link
		if n := w.number("SELECT SUM(uniques) FROM link_totals WHERE link_id = ?", link); n != 1 {
			t.Errorf("link of ordinal %d has %d uniques, want 1", o, n)
		}
		if n := w.number("SELECT COUNT(*) FROM recipients WHERE page = ? AND links & ? <> 0", o/62, int64(1)<<(o%62)); n != 1 {
			t.Errorf("ordinal %d has no bit", o)
		}
	}
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{w.at(0, 2, 200, "only on page 3")}})
	if n := w.number("SELECT COUNT(*) FROM recipients WHERE campaign_id = 2 AND (page = 0 AND links = 0 OR page = 3)"); n != 2 {
		t.Fatalf("a click on page 3 wrote %d rows, want page 0 as well", n)
	}
	w.wantSums(int64(len(ordinals)) + 1)
}

func recipientsMerged(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	var rows []storage.ClickRow
	for i := range 100 {
		rows = append(rows, w.at(int64(1000-i), 1, uint32(i%3), "r"))
	}
	invalid := w.at(1, 1, 5, "")
	invalid.Token = storage.TokenInvalid
	w.ingest(storage.Batch{Clicks: append(rows, invalid)})
	if n := w.number("SELECT COUNT(*) FROM recipients WHERE clicks = 100 AND links = 7 AND first_ms = ? AND last_ms = ?", w.now+901, w.now+1000); n != 1 {
		t.Fatal("a hundred clicks of one recipient are not one merged row")
	}
	w.wantSums(101)
}

func poisonAlone(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	bad := w.at(1, 1, 1, "r")
	bad.Click.UserAgent = strings.Repeat("x", 600)
	good := w.at(2, 1, 1, "r")
	_, err := w.db.Ingest(t.Context(), storage.Batch{Clicks: []storage.ClickRow{good, bad}})
	wantErr(t, err, storage.ErrPoison)
	w.wantSums(0)
	letter := letterFor(&bad, "rejected")
	if out := w.ingest(storage.Batch{Clicks: []storage.ClickRow{good}, Dead: []storage.DeadLetter{letter}}); out.Inserted != 1 || out.Dead != 1 {
		t.Fatalf("%+v, want one row and one letter", out)
	}
}

func anyTime(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	hour := int64(3_600_000)
	var rows []storage.ClickRow
	for _, ms := range []int64{0, 1, -w.now /* below: wraps to the year 10889 */, w.now, w.now - 24*hour, w.now - 40*24*hour,
		w.now - 9000*hour, w.now + 30*24*hour, w.now + 3653*24*hour, 1<<48 - 1, 253402300799999, 253402300800000, 86400_000} {
		row := w.at(0, 1, 1, fmt.Sprint("r", ms))
		row.Click.ID = click.NewID(ms)
		rows = append(rows, row)
	}
	out := w.ingest(storage.Batch{Clicks: rows})
	stored := w.number("SELECT COUNT(*) FROM clicks")
	dead := w.number("SELECT COUNT(*) FROM dead_letters WHERE state = 0")
	absent := int64(len(rows)) - stored - dead
	t.Logf("%d clicks of any time: %d stored, %d dead-lettered, acked and absent %d", len(rows), stored, dead, absent)
	if absent != 0 || int64(out.Inserted) != stored || int64(out.Dead) != dead || dead < 3 {
		t.Fatalf("%+v, %d stored, %d dead", out, stored, dead)
	}
	again := w.ingest(storage.Batch{Clicks: rows})
	if again.Inserted != 0 || again.Dead != 0 {
		t.Fatalf("again: %+v, want nothing new", again)
	}
	w.wantSums(stored)
}

func acrossMidnight(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	midnight := time.UnixMilli(w.now).UTC().Truncate(24 * time.Hour)
	monthEnd := time.Date(midnight.Year(), midnight.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	var rows []storage.ClickRow
	for i, edge := range []time.Time{midnight, midnight.Add(24 * time.Hour), monthEnd} {
		for _, ms := range []int64{-1, 0} {
			row := w.at(0, 1, 1, fmt.Sprint("r", i, ms))
			row.Click.ID = click.NewID(edge.UnixMilli() + ms)
			rows = append(rows, row)
		}
	}
	for delivery := range 3 { // each at another time of receiving, in another company
		out := w.ingest(storage.Batch{Clicks: append(slices.Clone(rows), w.at(int64(delivery), 2, 1, "n"))})
		if want := map[bool]int{true: len(rows) + 1, false: 1}[delivery == 0]; out.Inserted != want {
			t.Fatalf("delivery %d: %+v, want %d inserted", delivery, out, want)
		}
	}
	if n := w.number("SELECT COUNT(*) FROM clicks WHERE campaign_id = 1"); n != int64(len(rows)) {
		t.Fatalf("%d rows, want %d: each event once", n, len(rows))
	}
	t.Logf("%d events at the edges of days and months, delivered 3 times: %d rows", len(rows), len(rows))
	w.wantSums(int64(len(rows)) + 3)
}
