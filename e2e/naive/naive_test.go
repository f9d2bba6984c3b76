package naive

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"longtail/e2e/curve"
	"longtail/e2e/evidence"
	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/stack"
	"longtail/shared/link"
	"longtail/shared/storage/storagetest"
)

// tables makes Longtail's tables in a private MariaDB, with a campaign of two links.
func tables(t *testing.T) (dsn string, links []oracle.Link) {
	t.Helper()
	dsn = stack.Private(t, stack.MariaDB).DSN()
	var wanted []link.Link
	for k, code := range []string{"code-a", "code-b"} {
		wanted = append(wanted, link.Link{Code: code, CampaignName: "c", URL: oracle.Target(k)})
		links = append(links, oracle.Link{Code: code, Path: "/" + code, URL: oracle.Target(k)})
	}
	storagetest.MakeLinks(t, dsn, wanted...)
	return dsn, links
}

// Both designs answer and store every click when nothing happens to them; they differ in what that costs the database.
func TestCostOfTheUsualDesigns(t *testing.T) {
	dsn, links := tables(t)
	const clicks = 1000
	for _, tt := range []struct {
		name                     string
		open                     func(ctx context.Context, dsn string) (*Server, error)
		leastInserts, mostInsert int64
	}{
		{"naive", Naive, clicks, clicks},
		{"uncached", func(ctx context.Context, dsn string) (*Server, error) {
			return Uncached(ctx, dsn, slog.New(slog.DiscardHandler))
		}, 1, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, err := evidence.Open(dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			before, err := db.Rows(t.Context(), "c")
			if err != nil {
				t.Fatal(err)
			}
			s, err := tt.open(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			front := httptest.NewServer(s)
			defer front.Close()
			sampler := db.StartSampler(t.Context(), time.Hour)
			c := oracle.NewCampaign("c", "go.example", links, 100, link.CampaignKey{}, 1)
			answers := load.Start(t.Context(), load.Options{Addr: strings.TrimPrefix(front.URL, "http://"), Connections: 16, Timeout: 10 * time.Second},
				curve.Arrivals(curve.Constant(1), clicks, time.Second, 1), c).Answers()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			_, _, whole := sampler.Stop()
			rows, err := db.Rows(t.Context(), "c")
			if err != nil {
				t.Fatal(err)
			}
			old := map[string]bool{}
			for _, r := range before {
				old[r.ID] = true
			}
			var fresh []oracle.Row
			for _, r := range rows {
				if !old[r.ID] {
					fresh = append(fresh, r)
				}
			}
			tally := c.Compare(answers, fresh, false)
			if tally.Answered != clicks || tally.Rows != clicks || tally.Broken() {
				t.Errorf("%+v", tally)
			}
			selects, inserts := whole["Com_select"], whole["Com_insert"]
			t.Logf("%d clicks: %d lookups, %d inserts, %d questions", clicks, selects, inserts, whole["Questions"])
			if selects < clicks || selects > clicks+50 {
				t.Errorf("%d lookups", selects)
			}
			if inserts < tt.leastInserts || inserts > tt.mostInsert {
				t.Errorf("%d inserts, want %d to %d", inserts, tt.leastInserts, tt.mostInsert)
			}
		})
	}
}

func TestUnknownCodeIs404(t *testing.T) {
	dsn, _ := tables(t)
	s, err := Naive(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/nothing", nil))
	if w.Code != 404 {
		t.Errorf("answer %d", w.Code)
	}
}
