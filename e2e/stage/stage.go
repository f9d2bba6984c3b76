package stage

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/platform"
	"longtail/e2e/stack"
)

// A Stage is a cluster and one campaign in it, for one test.
type Stage struct {
	*stack.Cluster
	Show
}

// For makes the test's campaign on the shared cluster, through the load balancer.
func For(t *testing.T) *Stage {
	t.Helper()
	return On(t, Cluster(t))
}

// On makes the test's campaign on a cluster, through its load balancer.
func On(t *testing.T, c *stack.Cluster) *Stage {
	t.Helper()
	api := &platform.API{Base: c.HAProxy.APIURL(), Key: c.Key}
	return &Stage{Cluster: c, Show: Open(t, api, c.HAProxy.URL(), c.MySQL.DSN())}
}

// Warm lets each redirector answer once for each link, by HEAD: that is in no figure.
func (s *Stage) Warm(t *testing.T) {
	t.Helper()
	direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, r := range s.Redirectors {
		for _, l := range s.Crowd.Links {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, r.URL()+l.Path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := direct.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != l.URL {
				t.Fatalf("%s: status %d to %q; want 302 to %q", r.Name, resp.StatusCode, resp.Header.Get("Location"), l.URL)
			}
		}
	}
}

// People who click through the load balancer at a steady pace: at least so many, and on until the last blow has fallen.
type People struct{ AtLeast, PerSecond int }

// longest is how long people go on clicking at most, beyond the time that their least number takes.
const longest = 20 * time.Minute

// freshLimit is how soon a click after the last fault must be a row.
const freshLimit = 10 * time.Second

// Strike lets people click, the blows fall while they do, and judges: rows, rollups, balance, complete_through at every
// look, and a fresh click after the last fault, which must be a row within 10 s.
func (s *Stage) Strike(t *testing.T, p People, blows func()) *Found {
	t.Helper()
	answers := s.Clicking(t, p, blows)
	return s.Judge(t, s.Fresh(t, answers))
}

// Clicking is Strike without the judgement: it returns the answers of all clicks that were issued.
func (s *Stage) Clicking(t *testing.T, p People, blows func()) []load.Answer {
	t.Helper()
	s.Warm(t)
	s.watching(t.Context())
	run := s.Start(t, s.HAProxy.URL(), p.AtLeast+int(longest.Seconds())*p.PerSecond, p.PerSecond)
	blows()
	Until(t, longest, func() string { return fmt.Sprintf("%d clicks; there were %d", p.AtLeast, run.Progress()) },
		func() bool { return run.Progress() >= p.AtLeast })
	run.Stop()
	answers := run.Answers()
	last := len(answers)
	for last > 0 && answers[last-1].Fate == load.NotSent {
		last--
	}
	return slices.Clip(answers[:last])
}

// Fresh sends one click more than answers holds, waits until it is a row, and returns the answers with its own.
func (s *Stage) Fresh(t *testing.T, answers []load.Answer) []load.Answer {
	t.Helper()
	n := len(answers)
	begin := time.Now()
	fresh := s.from(t, s.HAProxy.URL(), n, 1, 0).Answers()[0]
	if fresh.Fate != load.Answered {
		t.Errorf("a fresh click after the last fault: %+v; want a 302", fresh)
	}
	id := s.Crowd.Click(n).UserAgent
	var rows int
	Until(t, time.Minute, func() string { return fmt.Sprintf("a row of a fresh click after the last fault: %d", rows) }, func() bool {
		var err error
		rows, err = s.DB.Of(t.Context(), s.Crowd.ID, id)
		return err == nil && rows > 0
	})
	took := time.Since(begin)
	t.Logf("a fresh click after the last fault was a row after %v", took.Round(time.Millisecond))
	if took > freshLimit {
		t.Errorf("a fresh click after the last fault was a row only after %v; want %v", took.Round(time.Millisecond), freshLimit)
	}
	return append(answers, fresh)
}

// Between are the answers to clicks that were due in a part of the run.
func Between(answers []load.Answer, from, to time.Duration) []load.Answer {
	return slices.DeleteFunc(slices.Clone(answers), func(a load.Answer) bool { return a.Due < from || a.Due >= to })
}
