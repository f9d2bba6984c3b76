package stories

import (
	"database/sql"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"longtail/e2e/stage"
)

// audited runs worker audit and demands its exit status and a text in what it prints.
func audited(t *testing.T, s *stage.Stage, status int, text string) {
	t.Helper()
	out, err := s.Workers[0].Run(stage.Within(t, time.Minute), "audit")
	t.Logf("worker audit: %s", out)
	got := 0
	if failed, is := errors.AsType[*exec.ExitError](err); is {
		got = failed.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != status || !strings.Contains(out, text) {
		t.Errorf("worker audit ended with status %d; want %d and %q in what it says", got, status, text)
	}
}

// Every counter agrees with the rows; one that is changed behind the programs' back is named, and its day mended.
func TestAuditNamesAChangedCounterAndRebuildMendsIt(t *testing.T) {
	s := stage.For(t)
	answers := s.Start(t, s.URL, 1000, 500).Answers()
	s.Judge(t, answers)
	audited(t, s, 0, ": differing 0\n")

	db, err := sql.Open("mysql", s.MySQL.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var campaign, link, minute, class, day int
	err = db.QueryRowContext(t.Context(), `SELECT m.campaign_id, m.link_id, m.minute, m.class, m.day FROM link_minutes AS m
		JOIN campaigns AS c ON c.id = m.campaign_id WHERE c.name = ? AND m.link_id > 0 ORDER BY m.clicks DESC LIMIT 1`, s.Crowd.ID,
	).Scan(&campaign, &link, &minute, &class, &day)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE link_minutes SET clicks = clicks + 7 WHERE campaign_id = ? AND link_id = ? AND minute = ? AND class = ?",
		campaign, link, minute, class); err != nil {
		t.Fatal(err)
	}
	audited(t, s, 1, fmt.Sprintf("link_minutes.clicks of campaign %d, link %d, at %d, class %d,", campaign, link, minute, class))

	out, err := s.Workers[0].Run(stage.Within(t, time.Minute), "rebuild", fmt.Sprint(day))
	t.Logf("worker rebuild: %s", out)
	if err != nil {
		t.Fatal(err)
	}
	audited(t, s, 0, ": differing 0\n")
	s.Judge(t, answers)
	t.Log(`row: AUDIT struck=1 lost=0 cells=0 what="a counter changed by SQL was named with status 1, and its day rebuilt"`)
}
