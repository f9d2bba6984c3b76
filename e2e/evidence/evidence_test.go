package evidence

import (
	"maps"
	"path/filepath"
	"testing"
	"time"

	"longtail/e2e/oracle"
	"longtail/e2e/stack"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/queue"
	"longtail/shared/storage"
	"longtail/shared/storage/storagetest"
)

// fill makes the tables, a campaign of one link and three clicks of two recipients, two of them in one minute.
func fill(t *testing.T, dsn string) (rows []oracle.Row) {
	t.Helper()
	db, made := storagetest.MakeLinks(t, dsn, link.Link{Code: "code-a", CampaignName: "c", URL: "https://example.com/?a=b"})
	l := made[0]
	minute := time.Now().UTC().Truncate(time.Minute).UnixMilli()
	batch := storage.Batch{Ranges: []storage.Range{{Feed: queue.FeedID{1}, From: 0, To: 3, UptoMS: minute}}}
	for i, ms := range []int64{minute - 60_000, minute + 1, minute + 59_999} {
		c := click.Click{
			ID: click.NewID(ms), Link: l.ID, Account: 1, Campaign: l.Campaign, Domain: l.Domain, Ordinal: l.Ordinal, Method: click.GET,
			UserAgent: "agent", Referrer: "https://mail.example/",
		}
		recipient := []string{"r-1", "r-2", "r-1"}[i]
		batch.Clicks = append(batch.Clicks, storage.ClickRow{Click: c, Recipient: recipient, Token: storage.TokenValid, Feed: queue.FeedID{1}})
		rows = append(rows, oracle.Row{
			ID: c.ID.String(), Code: "code-a", Recipient: recipient, Token: "valid", Method: "GET", UserAgent: "agent",
			Referrer: "https://mail.example/", URL: l.URL, TimeMS: ms,
		})
	}
	if _, err := db.Ingest(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	return rows
}

// What is read is what was stored, by both dialects.
func TestViewsAreRead(t *testing.T) {
	file := "sqlite:" + filepath.Join(t.TempDir(), "longtail.db")
	for name, dsn := range map[string]string{"sqlite": file, "mariadb": stack.Private(t, stack.MariaDB).DSN()} {
		t.Run(name, func(t *testing.T) {
			want := fill(t, dsn)
			db, err := Open(dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			got, err := db.Rows(t.Context(), "c")
			if err != nil {
				t.Fatal(err)
			}
			byID := map[string]oracle.Row{}
			for _, r := range got {
				if age := time.Since(time.UnixMilli(r.InsertedMS)); age < 0 || age > time.Minute {
					t.Errorf("inserted %v ago", age)
				}
				r.InsertedMS = 0
				byID[r.ID] = r
			}
			for _, r := range want {
				if byID[r.ID] != r {
					t.Errorf("read %+v, want %+v", byID[r.ID], r)
				}
			}
			figures, err := db.Figures(t.Context(), "c")
			if err != nil {
				t.Fatal(err)
			}
			if d := oracle.Differences(got, figures); len(got) != 3 || len(d) > 0 || len(figures.Cells) != 2 || !maps.Equal(figures.Recipients, map[string]int{"r-1": 1, "r-2": 1}) {
				t.Errorf("%d rows, differences %q, figures %+v", len(got), d, figures)
			}
			if none, err := db.Rows(t.Context(), "C"); err != nil || len(none) != 0 {
				t.Errorf("another campaign has %d rows, %v", len(none), err)
			}
		})
	}
}

// The sampler tells the difference at the mark and at the end, its own questions included.
func TestSampler(t *testing.T) {
	server := stack.Private(t, stack.MariaDB)
	db, err := Open(server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ask := func(n int) {
		for range n {
			if _, err := db.db.ExecContext(t.Context(), "SELECT 1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask(5)
	s := db.StartSampler(t.Context(), 200*time.Millisecond)
	ask(40)
	<-time.After(500 * time.Millisecond) // the mark passes
	ask(7)
	samples, mark, whole := s.Stop()
	if mark["Com_select"] != 40 || whole["Com_select"] != 47 || whole["Com_insert"] != 0 || len(samples) != 3 {
		t.Errorf("at the mark %v, whole %v, %d samples", mark, whole, len(samples))
	}
	if whole["Questions"] < 48 {
		t.Errorf("questions %d", whole["Questions"])
	}
}

func TestCountersOfARestartedServer(t *testing.T) {
	before := Counters{uptime: 100, "Questions": 50}
	if d := (Counters{uptime: 1, "Questions": 60}).Since(before); d != nil {
		t.Errorf("difference %v over a restart", d)
	}
	if d := (Counters{uptime: 101, "Questions": 60}).Since(nil); d != nil {
		t.Errorf("difference %v from nothing", d)
	}
}
