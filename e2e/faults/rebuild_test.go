package faults

import (
	"database/sql"
	"regexp"
	"strconv"
	"testing"
	"time"

	"longtail/e2e/stage"
)

// damages are changes of a campaign's counters that no ingest transaction makes.
var damages = []struct{ what, statement string }{
	{"minutes too high", "UPDATE link_minutes SET clicks = clicks + 1 WHERE link_id = 0 AND campaign_id = ?"},
	{"minutes gone", "DELETE FROM link_minutes WHERE link_id <> 0 AND campaign_id = ?"},
	{"quarters too high", "UPDATE link_quarters SET clicks = clicks + 7 WHERE link_id <> 0 AND campaign_id = ?"},
	{"firsts gone", "UPDATE link_quarters SET firsts = 0 WHERE link_id = 0 AND campaign_id = ?"},
	{"totals too low", "UPDATE link_totals SET clicks = clicks - 1 WHERE link_id = 0 AND campaign_id = ?"},
	{"uniques too high", "UPDATE link_totals SET uniques = uniques + 1 WHERE campaign_id = ?"},
	{"recipients too high", "UPDATE recipients SET clicks = clicks + 2 WHERE page = 0 AND campaign_id = ?"},
	{"recipients gone", "DELETE FROM recipients WHERE campaign_id = ?"},
}

// mended is what rebuild prints at its end, differing what audit does.
var (
	mended    = regexp.MustCompile(`mended (\d+)`)
	differing = regexp.MustCompile(`differing (\d+)`)
)

// counted reads the number that a command printed.
func counted(t *testing.T, in *regexp.Regexp, printed string) int {
	t.Helper()
	found := in.FindStringSubmatch(printed)
	if found == nil {
		t.Fatalf("no %v in %q", in, printed)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// number reads one number of the database.
func number(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Counters are damaged by hand and the day is rebuilt, again and again, while clicks are stored.
func TestM8RebuildWhileInsertsGoOn(t *testing.T) {
	f := stage.NewFault(t, "M8")
	s := stage.For(t)
	db, err := sql.Open("mysql", s.MySQL.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	campaign := number(t, db, "SELECT id FROM campaigns WHERE name = ?", s.Crowd.ID)
	plan := f.Blows(stage.Full(60, 6), len(damages), 300*time.Millisecond, 0)
	worker := s.Workers[0]
	command := func(of *regexp.Regexp, args ...string) int {
		t.Helper()
		printed, err := worker.Run(stage.Within(t, time.Minute), args...)
		if err != nil {
			t.Fatal(err)
		}
		return counted(t, of, printed)
	}
	cells := 0
	found := s.Strike(t, stage.People{AtLeast: stage.Full(20_000, 1_500), PerSecond: 400}, func() {
		stage.Until(t, 20*time.Second, func() string { return "rows to count" }, func() bool { return number(t, db, "SELECT COUNT(*) FROM clicks WHERE campaign_id = ?", campaign) > 0 })
		for _, b := range plan {
			stage.Pass(t, b.After)
			if _, err := db.ExecContext(t.Context(), damages[b.Victim].statement, campaign); err != nil {
				t.Fatal(err)
			}
			n := command(mended, "rebuild", time.Now().UTC().Format(time.DateOnly))
			if cells += n; n > 0 {
				f.Struck(damages[b.Victim].what)
			}
		}
	})
	f.Judged(found)
	left := command(differing, "audit")
	f.Note("counters mended %d while %d clicks were stored; audit at the end: differing %d", cells, found.Rows, left)
	if left != 0 {
		t.Errorf("%d counters differ", left)
	}
}
