package stage

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"longtail/e2e/evidence"
	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/platform"
)

// A Show is a campaign and where its clicks are told of: the API and the views.
type Show struct {
	URL   string // where people click
	API   *platform.API
	Crowd *oracle.Campaign
	DB    *evidence.Database

	born  time.Time // gaps before it are other campaigns'
	watch *watch    // while faults fall
}

// Open makes a campaign of a few links on the tracked URLs' host, whose clicks are known beforehand to the last byte.
// store is what package evidence opens.
func Open(t *testing.T, api *platform.API, publicURL, store string) Show {
	t.Helper()
	born := time.Now()
	targets := make([]string, 5)
	for i := range targets {
		targets[i] = oracle.Target(i)
	}
	id := strings.ReplaceAll(t.Name(), "/", ".") // it is a part of paths
	links, err := api.CreateLinks(t.Context(), id, targets)
	if err != nil {
		t.Fatal(err)
	}
	key, err := api.SigningKey(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	db, err := evidence.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	host := strings.TrimPrefix(publicURL, "http://")
	return Show{URL: publicURL, API: api, DB: db, born: born, Crowd: oracle.NewCampaign(id, host, links, 300, key, 1)}
}

// Start lets n people click at a fixed rate on a URL, whatever the answers; at rate 0 all of them are due at once.
func (s *Show) Start(t *testing.T, url string, n, perSecond int) *load.Run {
	t.Helper()
	return s.From(t, url, 0, n, perSecond)
}

// From starts n clicks whose numbers begin with first.
func (s *Show) From(t *testing.T, url string, first, n, perSecond int) *load.Run {
	t.Helper()
	due := make([]time.Duration, n)
	for i := range due {
		if perSecond > 0 {
			due[i] = time.Duration(i) * time.Second / time.Duration(perSecond)
		}
	}
	return load.Start(t.Context(), load.Options{
		Addr: strings.TrimPrefix(url, "http://"), Connections: 50, Timeout: 15 * time.Second,
	}, due, later{s.Crowd, first})
}

// later are a campaign's clicks from one on.
type later struct {
	*oracle.Campaign
	first int
}

// AppendRequest implements load.Clicks.
func (l later) AppendRequest(dst []byte, i int) []byte {
	return l.Campaign.AppendRequest(dst, l.first+i)
}

// Location implements load.Clicks.
func (l later) Location(i int) string { return l.Campaign.Location(l.first + i) }

// Settle waits until the campaign's figures are complete past now: from then on they may not change any more. It demands
// that no gap is told.
func (s *Show) Settle(t *testing.T) {
	t.Helper()
	if gaps := s.Gaps(t); len(gaps) != 0 {
		t.Errorf("gaps: %+v; want none", gaps)
	}
}

// Gaps waits until the campaign's figures are complete past now, and returns the gaps since the campaign was made.
func (s *Show) Gaps(t *testing.T) []platform.Gap {
	t.Helper()
	end := time.Now()
	var last platform.Results
	var err error
	Until(t, 2*time.Minute, func() string {
		return fmt.Sprintf("complete_through past %s; it is %s (%v)", end.UTC(), last.CompleteThrough, err)
	}, func() bool {
		last, err = s.API.Results(t.Context(), s.Crowd.ID)
		return err == nil && last.CompleteThrough.After(end)
	})
	return slices.DeleteFunc(last.Gaps, func(g platform.Gap) bool {
		to, err := time.Parse(time.RFC3339, g.To)
		return err == nil && to.Before(s.born)
	})
}

// Judge waits until everything is counted and holds the rows, the rollups, the API's figures and the balance against
// what people saw. HEAD is in no figure. Found.Cells is the number of figures that differ from the rows.
func (s *Show) Judge(t *testing.T, answers []load.Answer) *Found {
	t.Helper()
	s.Settle(t)
	all, err := s.DB.Rows(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	if s.watch != nil {
		s.watch.judge(t, all)
	}
	rows := slices.DeleteFunc(all, func(r oracle.Row) bool { return r.Method == http.MethodHead })
	found := &Found{Tally: s.Crowd.Compare(answers, rows, true)}
	t.Logf("issued %d, answered %d, no answer %d, not sent %d, other answers %v; rows %d, lost %d, duplicated %d, unexpected %d, recovered %d",
		found.Issued, found.Answered, found.Unanswered, found.NotSent, found.Others, found.Rows, found.Lost, found.Duplicated, found.Unexpected, found.Recovered)
	if found.Broken() {
		t.Errorf("the promise is broken:\n%s", strings.Join(found.Examples, "\n"))
	}
	found.Cells = s.figures(t, rows)
	s.atRest(t, found.Rows)
	return found
}

// Found is what came of a campaign's clicks, and how many figures differ from the rows.
type Found struct {
	*oracle.Tally
	Cells int
}

// figures counts, and tells, the figures that differ from the rows.
func (s *Show) figures(t *testing.T, rows []oracle.Row) int {
	t.Helper()
	told, err := s.DB.Figures(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	results, err := s.API.Results(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	told.Stats = &results.Stats
	differences := oracle.Differences(rows, told)
	for _, difference := range differences {
		t.Error(difference)
	}
	return len(differences)
}

// atRest waits for a balance with nothing waiting: it must name as many as there are rows.
func (s *Show) atRest(t *testing.T, rows int) {
	t.Helper()
	var b platform.Balance
	var err error
	Until(t, 30*time.Second, func() string { return fmt.Sprintf("a balance at rest: %+v, %v", b, err) }, func() bool {
		b, err = s.API.Balance(t.Context(), s.Crowd.ID)
		return err == nil && b.Waiting == 0
	})
	if b.Answered != b.Stored+b.SetAside || b.Stored != rows {
		t.Errorf("balance %+v; want %d stored", b, rows)
	}
}

// AllAnswered demands that people noticed nothing.
func AllAnswered(t *testing.T, found *Found) {
	t.Helper()
	if found.Answered != found.Issued {
		t.Errorf("%d of %d people were not redirected", found.Issued-found.Answered, found.Issued)
	}
}
