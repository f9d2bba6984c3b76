package faults

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"longtail/e2e/oracle"
	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// recovery is how soon a program that was started without its services serves once they are there.
const recovery = 5 * time.Second

// A cellar is a redirector that was never started, and a worker that is not alive, in a cluster whose services can be away
// when they start.
type cellar struct {
	*stack.Cluster
	redirector, worker *stack.Program
}

func newCellar(t *testing.T) *cellar {
	t.Helper()
	c := &cellar{Cluster: stage.Cluster(t)}
	c.worker = c.Workers[0]
	var err error
	if c.redirector, err = c.Redirector("cold", t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of the log of the redirector:\n%s", c.redirector.Tail(30))
		}
		_ = c.Redis.Cont()
		_ = c.redirector.Close()
	})
	stage.Kill(t, c.worker.Process)
	return c
}

// get returns a status and a body; 0 is no answer.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(body)
}

// waits starts a program and demands that it lives, is not ready, and says that it is for want of each of these.
func waits(t *testing.T, p *stack.Program, wanting ...string) {
	t.Helper()
	if err := p.Launch(); err != nil {
		t.Fatal(err)
	}
	stage.Until(t, recovery, func() string { return p.Name + " lives" }, func() bool {
		status, _ := get(t, p.DebugURL()+"/livez")
		return status == http.StatusOK
	})
	stillWaits(t, p, wanting...)
}

func stillWaits(t *testing.T, p *stack.Program, wanting ...string) {
	t.Helper()
	if status, body := get(t, p.DebugURL()+"/livez"); status != http.StatusOK || !p.Alive() {
		t.Errorf("%s: /livez says %d %s; want ok", p.Name, status, body)
	}
	status, body := get(t, p.DebugURL()+"/readyz")
	if status != http.StatusServiceUnavailable {
		t.Errorf("%s: /readyz says %d %s; want 503", p.Name, status, body)
	}
	for _, service := range wanting {
		if !strings.Contains(body, service) {
			t.Errorf("%s: /readyz says %q; want %q in it", p.Name, body, service)
		}
	}
}

// recovers demands that a program becomes ready in time, and tells how long it took.
func recovers(t *testing.T, p *stack.Program) time.Duration {
	t.Helper()
	begin := time.Now()
	var said string
	stage.Until(t, recovery, func() string { return p.Name + " is ready: " + said }, func() bool {
		var status int
		status, said = get(t, p.DebugURL()+"/readyz")
		return status == http.StatusOK
	})
	return time.Since(begin).Round(time.Millisecond)
}

// A redirector and a worker start with nothing reachable: they live, are not ready, and are within 5 s of what they need.
func TestC10StartWithoutAnyService(t *testing.T) {
	f := stage.NewFault(t, "C10")
	c := newCellar(t)
	stage.Kill(t, c.MySQL.Process, c.RabbitMQ.Process, c.Redis.Process)
	waits(t, c.redirector, "database", "Redis")
	waits(t, c.worker, "database", "broker")
	stage.Pass(t, stage.Full(6*time.Second, time.Second)) // longer than a redirector waits for its database while it could answer
	stillWaits(t, c.redirector, "database", "Redis")
	stillWaits(t, c.worker, "database", "broker")
	f.Struck("redirector without MySQL and Redis")
	f.Struck("worker without MySQL and RabbitMQ")

	stage.Start(t, c.MySQL.Process)
	redirector := recovers(t, c.redirector)
	stillWaits(t, c.worker, "broker")
	api := &platform.API{Base: c.redirector.APIURL(), Key: c.Key}
	s := stage.Open(t, api, "http://links.test", c.MySQL.DSN())
	answers := s.Start(t, c.redirector.URL(), 100, 0).Answers()

	stage.Start(t, c.RabbitMQ.Process)
	worker := recovers(t, c.worker)
	stage.Start(t, c.Redis.Process)
	found := s.Judge(t, answers)
	f.Judged(found)
	stage.AllAnswered(t, found)
	f.Note("not ready, alive; the redirector was ready %v after MySQL came, the worker %v after RabbitMQ", redirector, worker)
}

// What Redis knows is answered while the database is away, and counted when it is back: redirects come first.
func TestC10StartWithRedisAlone(t *testing.T) {
	f := stage.NewFault(t, "C10")
	c := newCellar(t)
	stage.Start(t, c.redirector.Process)
	api := &platform.API{Base: c.redirector.APIURL(), Key: c.Key}
	s := stage.Open(t, api, "http://links.test", c.MySQL.DSN())
	if err := c.redirector.Term(stage.Within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}

	stage.Kill(t, c.MySQL.Process)
	if err := c.Redis.Pause(); err != nil { // it takes connections and never answers
		t.Fatal(err)
	}
	waits(t, c.redirector, "database", "Redis")
	stage.Pass(t, 6*time.Second)
	stillWaits(t, c.redirector, "database", "Redis")
	f.Struck("redirector without MySQL, Redis hanging")
	if err := c.Redis.Cont(); err != nil {
		t.Fatal(err)
	}
	redirector := recovers(t, c.redirector)
	answers := s.Start(t, c.redirector.URL(), 100, 0).Answers()
	stage.Start(t, c.MySQL.Process)
	stage.Start(t, c.worker.Process)
	// The feed was not registered yet, so that complete_through could pass it: what it holds is a gap until it is counted.
	var rows []oracle.Row
	stage.Until(t, 20*time.Second, func() string { return fmt.Sprintf("a row for each of 100 clicks: %d", len(rows)) }, func() bool {
		var err error
		rows, err = s.DB.Rows(t.Context(), s.Crowd.ID)
		return err == nil && len(rows) >= len(answers)
	})
	found := &stage.Found{Tally: s.Crowd.Compare(answers, rows, true)}
	f.Judged(found)
	f.Note("not ready, alive; ready %v after Redis went on; 100 people redirected before MySQL came, and counted after it", redirector)
	if stage.AllAnswered(t, found); found.Broken() {
		t.Errorf("the promise is broken:\n%s", strings.Join(found.Examples, "\n"))
	}
	results, err := s.API.Results(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, gap := range results.Gaps {
		if gap.Reason != "late" {
			t.Errorf("gap %+v; want none but a late one", gap)
		}
	}
}
