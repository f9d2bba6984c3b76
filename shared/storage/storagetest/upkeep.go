package storagetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/storage"
)

var upkeepTests = []conformance{
	{"AuditFindsAChangedCell", auditFinds},
	{"RebuildMendsWhileInsertsGoOn", rebuildMends},
	{"ExpiredClicksAreNotCountedAgain", expired},
	{"PartitionsStandAhead", partitionsAhead},
	{"TuningHasVersions", tuningVersions},
	{"TraceFindsEverything", traceFinds},
	{"WorkersKnowEachOther", workersKnow},
}

// linked makes rows of links for some's clicks, so that uniques can be audited.
func (w *world) linked() {
	w.t.Helper()
	for campaign := range uint64(2) {
		for ordinal := range uint64(130) {
			id := (campaign+1)*1000 + ordinal + 1
			_, err := w.raw.ExecContext(w.t.Context(), "INSERT INTO links (id, domain_id, code, account_id, campaign_id, ordinal, url, url_hash, state, version, created_ms)"+
				" VALUES (?, 1, ?, 1, ?, ?, ?, ?, 1, 1, 0)", id, fmt.Appendf(nil, "code-%d", id), campaign+1, ordinal, []byte("https://example.com/"), make([]byte, 16))
			w.ok(err)
		}
	}
}

func (w *world) audit(days ...int32) []storage.Difference {
	w.t.Helper()
	today := click.Day(w.now)
	from, to := today, today
	if len(days) == 2 {
		from, to = days[0], days[1]
	}
	found, err := w.db.Audit(w.t.Context(), from, to)
	w.ok(err)
	return found
}

func (w *world) wantClean() {
	w.t.Helper()
	if found := w.audit(19700101, 99991231); len(found) != 0 {
		w.t.Fatalf("audit finds %d differences, the first: %s", len(found), found[0])
	}
}

// damages are changes that no ingest transaction makes. Each is found under its name and mended.
var damages = []struct{ column, statement string }{
	{"link_minutes.clicks", "UPDATE link_minutes SET clicks = clicks + 1 WHERE link_id = 0 AND campaign_id = 1 AND class = 1"},
	{"link_minutes.clicks", "DELETE FROM link_minutes WHERE link_id <> 0"},
	{"link_minutes.firsts", "UPDATE link_minutes SET firsts = firsts + 3 WHERE link_id = 0 AND class = 0"},
	{"link_quarters.clicks", "UPDATE link_quarters SET clicks = clicks + 7 WHERE link_id <> 0"},
	{"link_quarters.firsts", "UPDATE link_quarters SET firsts = 0"},
	{"link_totals.clicks", "UPDATE link_totals SET clicks = clicks - 1 WHERE link_id = 0"},
	{"link_totals.uniques", "UPDATE link_totals SET uniques = uniques + 1"},
	{"link_totals.last_ms", "UPDATE link_totals SET last_ms = 5 WHERE class = 1"},
	{"recipients.links", "UPDATE recipients SET links = 1 WHERE page = 0"},
	{"recipients.clicks", "UPDATE recipients SET clicks = clicks + 2 WHERE page = 0"},
	{"recipients.first_ms", "UPDATE recipients SET first_ms = first_ms + 1000 WHERE page = 0 AND campaign_id = 2"},
	{"recipients.clicks", "DELETE FROM recipients"},
}

func auditFinds(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	w.linked()
	w.ingest(storage.Batch{Clicks: w.some(300)})
	w.wantClean()
	today := click.Day(w.now)
	for _, damage := range damages {
		_, err := w.raw.ExecContext(t.Context(), damage.statement)
		w.ok(err)
		found := w.audit()
		named := 0
		for _, f := range found {
			if f.Table+"."+f.Column == damage.column {
				named++
			}
		}
		mended, err := w.db.Rebuild(t.Context(), today)
		w.ok(err)
		t.Logf("%-60.60s %d differences, %d in %s, %d mended", damage.statement, len(found), named, damage.column, mended)
		if named == 0 || mended == 0 {
			t.Fatalf("%s: the audit does not name %s", damage.statement, damage.column)
		}
		w.wantClean()
	}
	w.wantSums(300 - 28)
}

func rebuildMends(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	w.linked()
	w.ingest(storage.Batch{Clicks: w.some(200)})
	var wg sync.WaitGroup
	batches := 40
	db := w.store(nil)
	wg.Go(func() {
		for range batches {
			if _, err := db.Ingest(t.Context(), storage.Batch{Clicks: w.some(50)}); err != nil {
				t.Errorf("ingest: %v", err)
			}
		}
	})
	looked := 0
	for _, damage := range damages {
		found := w.audit() // undamaged, while inserts go on
		looked++
		if len(found) != 0 {
			t.Errorf("audit %d finds %d differences while inserts go on, the first: %s", looked, len(found), found[0])
		}
		_, err := w.raw.ExecContext(t.Context(), damage.statement)
		w.ok(err)
		_, err = w.db.Rebuild(t.Context(), click.Day(w.now))
		w.ok(err)
	}
	wg.Wait()
	w.wantClean()
	t.Logf("%d audits while %d batches were stored: 0 differing cells; %d damages mended", looked, batches, len(damages))
	w.wantSums(200 - 19 + int64(batches)*45)
}

func expired(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	day := func(days int, recipient string) storage.ClickRow {
		row := w.at(0, 1, 1, recipient)
		row.Click.ID = click.NewID(w.now + int64(days)*24*3600_000)
		return row
	}
	rows := []storage.ClickRow{day(-50, "a"), day(-1, "b"), day(0, "c"), day(1, "d"), day(2, "e")}
	w.ingest(storage.Batch{Clicks: rows})
	late := day(-40, "late")
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{late}})
	w.ok(w.db.EnsurePartitions(t.Context(), time.Now(), 8))
	w.ok(w.db.DropExpired(t.Context(), click.Day(w.now+24*3600_000))) // tomorrow
	if floor, err := w.db.RetentionFloor(t.Context()); err != nil || floor != rows[3].Click.ID.Day() {
		t.Fatalf("floor %d, %v", floor, err)
	}
	if n := w.number("SELECT COUNT(*) FROM clicks"); n != 2 {
		t.Fatalf("%d clicks are left, want the two from tomorrow on", n)
	}
	if n := w.number("SELECT COUNT(*) FROM link_minutes WHERE clicks > 0 AND day < ?", click.Day(w.now-35*24*3600_000)); n != 0 && strings.HasPrefix(w.dsn, "sqlite:") {
		t.Fatalf("%d minutes older than 35 days are left", n)
	}
	totals := func() int64 { return w.number("SELECT SUM(clicks) FROM link_totals WHERE link_id = 0") }
	before, minutes := totals(), w.number("SELECT COUNT(*) FROM link_minutes")
	out := w.ingest(storage.Batch{Clicks: append(rows, day(-45, "new"))})
	if out.Inserted != 0 || out.Dead != 4 || out.Duplicate != 2 || totals() != before {
		t.Fatalf("redelivered: %+v, totals %d then %d; want them dead-lettered and not counted", out, before, totals())
	}
	if n := w.number("SELECT COUNT(*) FROM dead_letters WHERE reason = 'expired'"); n != 4 {
		t.Fatalf("%d expired letters, want 4", n)
	}
	w.ok(w.db.DropExpired(t.Context(), 19800101)) // a floor never falls
	if floor, err := w.db.RetentionFloor(t.Context()); err != nil || floor != rows[3].Click.ID.Day() {
		t.Fatalf("floor %d, %v", floor, err)
	}
	if n := w.number("SELECT COUNT(*) FROM link_minutes"); n != minutes {
		t.Fatalf("minutes changed from %d to %d", minutes, n)
	}
	if _, err := w.db.Rebuild(t.Context(), rows[1].Click.ID.Day()); err == nil {
		t.Fatal("a day whose clicks were dropped was rebuilt")
	}
}

func partitionsAhead(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	if strings.HasPrefix(w.dsn, "sqlite:") {
		w.ok(w.db.EnsurePartitions(t.Context(), time.Now(), 8))
		return
	}
	count := func(table string) int64 {
		return w.number("SELECT COUNT(*) FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", table)
	}
	week := fmt.Sprintf("p%d", click.Day(time.Now().AddDate(0, 0, 7).UnixMilli()))
	if n := w.number("SELECT COUNT(*) FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = DATABASE() AND PARTITION_NAME = ?", week); n != 2 {
		t.Fatalf("%d tables have partition %s, want 2", n, week)
	}
	before := count("clicks")
	// Nobody made partitions for days: clicks lie in pmax, and are moved out of it.
	row := w.at(0, 1, 1, "a")
	row.Click.ID = click.NewID(w.now + 12*24*3600_000)
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{row}})
	var wg sync.WaitGroup
	for range 3 {
		db := w.store(nil)
		wg.Go(func() {
			if err := db.EnsurePartitions(t.Context(), time.Now().AddDate(0, 0, 5), 8); err != nil {
				t.Errorf("partitions: %v", err)
			}
		})
	}
	wg.Wait()
	if got := count("clicks"); got != before+5 {
		t.Fatalf("%d partitions, want %d", got, before+5)
	}
	if n := w.number("SELECT COUNT(*) FROM clicks PARTITION (pmax)"); n != 0 {
		t.Fatalf("%d rows are left in pmax", n)
	}
	w.wantSums(1)
}

func tuningVersions(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	if _, version, err := w.db.Tuning(t.Context()); err != nil || version != 0 {
		t.Fatalf("version %d, %v", version, err)
	}
	for seen := range 3 {
		version, err := w.db.SetTuning(storage.AsActor(t.Context(), "somebody"), 1, fmt.Appendf(nil, `{"prefetch":%d}`, seen), seen)
		if err != nil || version != seen+1 {
			t.Fatalf("version %d, %v", version, err)
		}
	}
	for _, seen := range []int{0, 1, 9} {
		_, err := w.db.SetTuning(t.Context(), 1, []byte(`{}`), seen)
		wantErr(t, err, link.ErrStale)
	}
	body, version, err := w.db.Tuning(t.Context())
	var got struct{ Prefetch int }
	if err != nil || version != 3 || json.Unmarshal(body, &got) != nil || got.Prefetch != 2 {
		t.Fatalf("%s, version %d, %v", body, version, err)
	}
	audit, err := w.db.AuditLog(t.Context(), 1, 0, 10)
	if err != nil || len(audit) != 3 || audit[2].Before != "" || audit[0].Action != "tuning.set" || !strings.Contains(audit[0].Before, "1") || !strings.Contains(audit[0].After, "2") {
		t.Fatalf("audit %+v, %v", audit, err)
	}
}

func traceFinds(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	stored, dead := w.at(1, 1, 1, "a"), w.at(2, 1, 1, "b")
	w.register(feedOf(1))
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{stored}, Dead: []storage.DeadLetter{letterFor(&dead, "rejected")}, Ranges: []storage.Range{{Feed: feedOf(1), From: 0, To: 90}}})
	if tr, err := w.db.RowsTrace(t.Context(), stored.Click.ID); err != nil || tr.Row == nil || tr.Letter != nil || tr.Row.Recipient != "a" || tr.Row.Link != stored.Click.Link {
		t.Fatalf("%+v, %v", tr, err)
	}
	if tr, err := w.db.RowsTrace(t.Context(), dead.Click.ID); err != nil || tr.Row != nil || tr.Letter == nil || tr.Letter.Reason != "rejected" {
		t.Fatalf("%+v, %v", tr, err)
	}
	if tr, err := w.db.RowsTrace(t.Context(), click.NewID(w.now)); err != nil || tr.Row != nil || tr.Letter != nil {
		t.Fatalf("%+v, %v", tr, err)
	}
	for pos, want := range map[int64]bool{0: true, 89: true, 90: false} {
		if tr, err := w.db.TraceFeed(t.Context(), feedOf(1), pos); err != nil || !tr.Known || tr.Stored != want {
			t.Fatalf("offset %d: %+v, %v", pos, tr, err)
		}
	}
}

func workersKnow(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	one, two := storage.WorkerState{ID: [16]byte{1}, Share: 5, Name: "one", Held: 7}, storage.WorkerState{ID: [16]byte{2}}
	for range 2 {
		_, err := w.db.Beat(t.Context(), one, time.Minute)
		w.ok(err)
	}
	pool, err := w.db.Beat(t.Context(), two, time.Minute)
	w.ok(err)
	if len(pool) != 2 || pool[0].ID != one.ID || pool[0].Held != 7 || pool[0].Share != 5 {
		t.Fatalf("pool %+v", pool)
	}
	_, err = w.raw.ExecContext(t.Context(), "UPDATE workers SET seen_ms = seen_ms - 61000 WHERE id = ?", one.ID[:])
	w.ok(err)
	if pool, err = w.db.Beat(t.Context(), two, time.Minute); err != nil || len(pool) != 1 {
		t.Fatalf("a silent worker is still in the pool: %+v, %v", pool, err)
	}
	w.ok(w.db.Leave(t.Context(), two.ID))
	if pool, err = w.db.Workers(t.Context(), time.Minute); err != nil || len(pool) != 0 {
		t.Fatalf("a worker that left is in the pool: %+v, %v", pool, err)
	}
}
