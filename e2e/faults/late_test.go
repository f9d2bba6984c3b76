package faults

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/shared/click"
)

const day = 24 * time.Hour

// aged gives the table of clicks partitions as it has them in an installation that is older than two days.
func aged(t *testing.T, db *sql.DB) {
	t.Helper()
	name := func(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format("20060102") }
	_, err := db.ExecContext(t.Context(), fmt.Sprintf("ALTER TABLE clicks REORGANIZE PARTITION p%[2]s INTO"+
		" (PARTITION p%[4]s VALUES LESS THAN (%[3]s), PARTITION p%[3]s VALUES LESS THAN (%[2]s), PARTITION p%[2]s VALUES LESS THAN (%[1]s))",
		name(0), name(1), name(2), name(3)))
	if err != nil {
		t.Fatal(err)
	}
}

// Clicks arrive long after they were made: after their minutes' table was closed, and after the clicks of their day were
// dropped. What was accepted stays in the totals for good, what cannot be told from a repetition is set aside, and
// nothing is in neither.
func TestM9LateClicks(t *testing.T) {
	t.Parallel() // it has a cluster of its own
	f := stage.NewFault(t, "M9")
	s := stage.On(t, stage.Own(t, stack.Options{Redirectors: 1, Workers: 1, Settings: map[string]string{"LONGTAIL_BATCH_AGE": "100ms"}}))
	db, err := sql.Open("mysql", s.MySQL.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	campaign := number(t, db, "SELECT id FROM campaigns WHERE name = ?", s.Crowd.ID)
	links := linksOf(t, db, campaign)
	late := func(n int, youngest, oldest time.Duration) []click.Click {
		all := make([]click.Click, n)
		for i := range all {
			all[i] = links[f.Random.IntN(len(links))]
			age := youngest + time.Duration(f.Random.Int64N(int64(oldest-youngest)))
			f.Planned(all[i].Ordinal, age)
			all[i].ID = click.NewID(time.Now().Add(-age).UnixMilli())
		}
		return all
	}
	n := stage.Full(20_000, 1_000)
	young, closed, gone := late(n, 0, day), late(n, 36*day, 390*day), late(n, 3*day, 390*day)
	broker := newPublisher(t, s.RabbitMQ.URL())
	told := func() (rows, total, expired int) {
		return number(t, db, "SELECT COUNT(*) FROM clicks WHERE campaign_id = ?", campaign),
			number(t, db, "SELECT COALESCE(SUM(clicks), 0) FROM link_totals WHERE link_id = 0 AND campaign_id = ?", campaign),
			number(t, db, "SELECT COUNT(*) FROM dead_letters WHERE reason = 'expired' AND campaign_id = ?", campaign)
	}
	until := func(want string) {
		t.Helper()
		var is string
		stage.Until(t, 2*time.Minute, func() string { return fmt.Sprintf("rows, total, set aside %s; they are %s", want, is) }, func() bool {
			is = fmt.Sprint(told())
			return is == want
		})
	}

	aged(t, db)
	broker.publish(t, young)
	broker.publish(t, closed)
	until(fmt.Sprint(2*n, 2*n, 0))
	f.StruckN("clicks after their minutes were closed", n)
	if minutes := number(t, db, "SELECT COALESCE(SUM(clicks), 0) FROM link_minutes WHERE link_id = 0 AND campaign_id = ?", campaign); minutes != n {
		t.Errorf("the minutes hold %d clicks; want the %d young ones", minutes, n)
	}

	worker := s.Workers[0]
	s.Reroute(worker, map[string]string{"LONGTAIL_RETENTION": "48h"})
	if err := worker.Restart(stage.Within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	until(fmt.Sprint(n, 2*n, 0)) // the old rows were dropped, and stay counted

	broker.publish(t, closed) // again: it cannot be told any more that they were counted
	broker.publish(t, gone)
	broker.publish(t, young)
	more := late(n, 0, day)
	broker.publish(t, more)
	until(fmt.Sprint(2*n, 3*n, 2*n))
	f.StruckN("clicks after their day was dropped", 2*n)
	f.StruckN("of these were counted before", len(closed))
	if printed, err := worker.Run(stage.Within(t, time.Minute), "audit"); err != nil || counted(t, differing, printed) != 0 {
		t.Errorf("audit: %s %v", printed, err)
	}
	f.Note("accepted %d, total %d; set aside as expired %d; of %d sent in neither 0", 3*n, 3*n, 2*n, 4*n+n)
}
