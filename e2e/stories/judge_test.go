package stories

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

// A show is a campaign and where its clicks are told of: the API and the views.
type show struct {
	api   *platform.API
	crowd *oracle.Campaign
	db    *evidence.Database
}

// open makes a campaign of a few links on the tracked URLs' host, whose clicks are known beforehand to the last byte.
// store is what package evidence opens.
func open(t *testing.T, api *platform.API, publicURL, store string) show {
	t.Helper()
	targets := make([]string, 5)
	for i := range targets {
		targets[i] = oracle.Target(i)
	}
	links, err := api.CreateLinks(t.Context(), t.Name(), targets)
	if err != nil {
		t.Fatal(err)
	}
	key, err := api.SigningKey(t.Context(), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	db, err := evidence.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	host := strings.TrimPrefix(publicURL, "http://")
	return show{api: api, db: db, crowd: oracle.NewCampaign(t.Name(), host, links, 300, key, 1)}
}

// start lets n people click at a fixed rate on a URL, whatever the answers; at rate 0 all of them are due at once.
func (s *show) start(t *testing.T, url string, n, perSecond int) *load.Run {
	t.Helper()
	due := make([]time.Duration, n)
	for i := range due {
		if perSecond > 0 {
			due[i] = time.Duration(i) * time.Second / time.Duration(perSecond)
		}
	}
	return load.Start(t.Context(), load.Options{
		Addr: strings.TrimPrefix(url, "http://"), Connections: 50, Timeout: 10 * time.Second,
	}, due, s.crowd)
}

// settle waits until the campaign's figures are complete past now: from then on they may not change any more.
func (s *show) settle(t *testing.T) {
	t.Helper()
	end := time.Now()
	var last platform.Results
	var err error
	until(t, time.Minute, func() string {
		return fmt.Sprintf("complete_through past %s; it is %s (%v)", end.UTC(), last.CompleteThrough, err)
	}, func() bool {
		last, err = s.api.Results(t.Context(), s.crowd.ID)
		return err == nil && last.CompleteThrough.After(end)
	})
	if len(last.Gaps) != 0 {
		t.Errorf("gaps: %+v; want none", last.Gaps)
	}
}

// judge waits until everything is counted and holds the rows, the rollups, the API's figures and the balance against
// what people saw. HEAD is in no figure.
func (s *show) judge(t *testing.T, answers []load.Answer) *oracle.Tally {
	t.Helper()
	s.settle(t)
	rows, err := s.db.Rows(t.Context(), s.crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	rows = slices.DeleteFunc(rows, func(r oracle.Row) bool { return r.Method == http.MethodHead })
	found := s.crowd.Compare(answers, rows, true)
	t.Logf("issued %d, answered %d, no answer %d, not sent %d, other answers %v; rows %d, lost %d, duplicated %d, unexpected %d, recovered %d",
		found.Issued, found.Answered, found.Unanswered, found.NotSent, found.Others, found.Rows, found.Lost, found.Duplicated, found.Unexpected, found.Recovered)
	if found.Broken() {
		t.Errorf("the promise is broken:\n%s", strings.Join(found.Examples, "\n"))
	}
	told, err := s.db.Figures(t.Context(), s.crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	results, err := s.api.Results(t.Context(), s.crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	told.Stats = &results.Stats
	for _, difference := range oracle.Differences(rows, told) {
		t.Error(difference)
	}
	var b platform.Balance
	until(t, 15*time.Second, func() string { return fmt.Sprintf("a balance at rest: %+v, %v", b, err) }, func() bool {
		b, err = s.api.Balance(t.Context(), s.crowd.ID)
		return err == nil && b.Waiting == 0
	})
	if b.Answered != b.Stored+b.SetAside || b.Stored != found.Rows {
		t.Errorf("balance %+v; want %d stored", b, found.Rows)
	}
	return found
}

// allAnswered demands that people noticed nothing.
func allAnswered(t *testing.T, found *oracle.Tally) {
	t.Helper()
	if found.Answered != found.Issued {
		t.Errorf("%d of %d people were not redirected", found.Issued-found.Answered, found.Issued)
	}
}
