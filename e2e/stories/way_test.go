package stories

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the views, as an outsider reads them

	"longtail/e2e/load"
	"longtail/e2e/stack"
)

// A stage is the cluster and one campaign's link in it, for one story.
type stage struct {
	*stack.Cluster
	platform
	campaign string
	link     linkMade
	crowd    crowd
	db       *sql.DB
}

// stageFor creates a link through the load balancer and lets every redirector know it.
func stageFor(t *testing.T) *stage {
	t.Helper()
	c := cluster(t)
	s := &stage{Cluster: c, platform: platform{api: c.HAProxy.APIURL(), key: c.Key}, campaign: strings.ReplaceAll(t.Name(), "/", ".")}
	s.link = s.platform.link(t, s.campaign, "https://example.com/landing?story="+s.campaign)
	s.crowd = crowdFor(t, s.link)
	db, err := sql.Open("mysql", c.MySQL.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s.db = db
	return s
}

// warm lets each redirector answer once, by HEAD: that is in no figure.
func (s *stage) warm(t *testing.T) {
	t.Helper()
	direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, r := range s.Redirectors {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, r.URL()+s.crowd.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := direct.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != s.link.URL {
			t.Fatalf("%s: status %d to %q; want 302 to %q", r.Name, resp.StatusCode, resp.Header.Get("Location"), s.link.URL)
		}
	}
}

// settle waits until the figures are complete past now: from then on they may not change any more.
func (s *stage) settle(t *testing.T, limit time.Duration) {
	t.Helper()
	settle(t, s.platform, s.campaign, limit)
}

func settle(t *testing.T, p platform, campaign string, limit time.Duration) {
	t.Helper()
	end := time.Now()
	var last figures
	var err error
	until(t, limit, func() string {
		return "complete_through past " + end.UTC().Format(time.RFC3339Nano) + "; it is " + last.CompleteThrough.String() + ", " + text(err)
	}, func() bool {
		err = p.get(t, "/api/v1/campaigns/"+campaign+"/stats", &last)
		return err == nil && last.CompleteThrough.After(end)
	})
}

func text(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// rows counts the campaign's clicks by user agent, HEAD aside, in the view that outsiders read.
func (s *stage) rows(t *testing.T) map[string]int {
	t.Helper()
	found, err := s.db.QueryContext(t.Context(), "SELECT user_agent, COUNT(*) FROM v_clicks WHERE campaign = ? AND method <> 'HEAD' GROUP BY user_agent", s.campaign)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	rows := map[string]int{}
	for found.Next() {
		var agent string
		var n int
		if err := found.Scan(&agent, &n); err != nil {
			t.Fatal(err)
		}
		rows[agent] = n
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// judge waits until everything is counted and holds the rows, the rollups, the API's figures and the balance against what
// people saw.
func (s *stage) judge(t *testing.T, answers []load.Answer) tally {
	t.Helper()
	s.settle(t, time.Minute)
	found := compare(answers, s.rows(t))
	t.Log(found)
	if !found.kept() {
		t.Errorf("the promise is broken: %v", found)
	}
	var minutes int
	if err := s.db.QueryRowContext(t.Context(), "SELECT COALESCE(SUM(clicks), 0) FROM v_click_minutes WHERE campaign = ?", s.campaign).Scan(&minutes); err != nil {
		t.Fatal(err)
	}
	var f figures
	if err := s.get(t, "/api/v1/campaigns/"+s.campaign+"/stats", &f); err != nil {
		t.Fatal(err)
	}
	if minutes != found.rows || f.Clicks != found.rows || f.Human+f.Machine+f.Unknown != found.rows {
		t.Errorf("rows %d, minutes %d, figures %+v; want all the same", found.rows, minutes, f)
	}
	var b balance
	until(t, 15*time.Second, func() string { return "a balance at rest" }, func() bool {
		return s.get(t, "/api/v1/campaigns/"+s.campaign+"/balance", &b) == nil && b.Waiting == 0
	})
	if b.Answered != b.Stored+b.Waiting+b.SetAside || b.Stored != found.rows {
		t.Errorf("balance %+v; want %d stored", b, found.rows)
	}
	return found
}

func TestAClickBecomesARowByWayOfRabbitMQ(t *testing.T) {
	s := stageFor(t)
	begin := time.Now()
	answers := s.crowd.start(t.Context(), s.HAProxy.URL(), 1, 1).Answers()
	if answers[0].Fate != load.Answered {
		t.Fatalf("answer = %+v; want a 302 to %s", answers[0], s.link.URL)
	}
	until(t, 5*time.Second, func() string { return "its row" }, func() bool { return s.rows(t)[name(0)] == 1 })
	t.Logf("a row %v after the click", time.Since(begin).Round(time.Millisecond))
	if found := s.judge(t, answers); found.answered != 1 || found.rows != 1 {
		t.Fatal(found)
	}
	var code, url, method string
	err := s.db.QueryRowContext(t.Context(), "SELECT code, url, method FROM v_clicks WHERE campaign = ?", s.campaign).Scan(&code, &url, &method)
	if err != nil || code != s.link.Code || url != s.link.URL || method != http.MethodGet {
		t.Fatalf("the row: code %q, url %q, method %q, %v", code, url, method, err)
	}
}

// strike runs a load through the load balancer and lets blow fall on it while people click.
func (s *stage) strike(t *testing.T, n, perSecond int, blow func(ctx context.Context)) []load.Answer {
	t.Helper()
	s.warm(t)
	run := s.crowd.start(t.Context(), s.HAProxy.URL(), n, perSecond)
	blow(t.Context())
	select {
	case <-run.Done():
		t.Fatal("the load ended before the last blow: nothing was shown")
	default:
	}
	return run.Answers()
}
