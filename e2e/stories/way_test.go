package stories

import (
	"net/http"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/platform"
	"longtail/e2e/stack"
)

// A stage is the cluster and one campaign in it, for one story.
type stage struct {
	*stack.Cluster
	show
}

// stageFor makes the story's campaign through the load balancer.
func stageFor(t *testing.T) *stage {
	t.Helper()
	c := cluster(t)
	api := &platform.API{Base: c.HAProxy.APIURL(), Key: c.Key}
	return &stage{Cluster: c, show: open(t, api, c.HAProxy.URL(), c.MySQL.DSN())}
}

// warm lets each redirector answer once for each link, by HEAD: that is in no figure.
func (s *stage) warm(t *testing.T) {
	t.Helper()
	direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, r := range s.Redirectors {
		for _, l := range s.crowd.Links {
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

// strike runs a load through the load balancer, lets the blows fall on it while people click, and judges.
func (s *stage) strike(t *testing.T, n, perSecond int, blows func()) *oracle.Tally {
	t.Helper()
	s.warm(t)
	run := s.start(t, s.HAProxy.URL(), n, perSecond)
	blows()
	select {
	case <-run.Done():
		t.Fatal("the load ended before the last blow: nothing was shown")
	default:
	}
	return s.judge(t, run.Answers())
}

func TestAClickBecomesARowByWayOfRabbitMQ(t *testing.T) {
	s := stageFor(t)
	begin := time.Now()
	answers := s.start(t, s.HAProxy.URL(), 1, 1).Answers()
	if answers[0].Fate != load.Answered {
		t.Fatalf("answer = %+v; want a 302 to %s", answers[0], s.crowd.Location(0))
	}
	var rows []oracle.Row
	until(t, 5*time.Second, func() string { return "its row" }, func() bool {
		var err error
		rows, err = s.db.Rows(t.Context(), s.crowd.ID)
		return err == nil && len(rows) == 1
	})
	t.Logf("a row %v after the click: %v", time.Since(begin).Round(time.Millisecond), rows[0])
	allAnswered(t, s.judge(t, answers))
}
