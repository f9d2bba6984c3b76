package stage

import (
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
	return s.Show.Clicking(t, p, blows)
}

// Between are the answers to clicks that were due in a part of the run.
func Between(answers []load.Answer, from, to time.Duration) []load.Answer {
	return slices.DeleteFunc(slices.Clone(answers), func(a load.Answer) bool { return a.Due < from || a.Due >= to })
}
