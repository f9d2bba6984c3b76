package stories

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
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

// A cellar is a redirector and a worker of their own, with services of their own that can be away when they start.
type cellar struct {
	mysql      *stack.Database
	rabbitmq   *stack.Broker
	redis      *stack.Cache
	redirector *stack.Program
	worker     *stack.Program
}

// newCellar starts the services, makes the schema and prepares the programs. They share the services' addresses, which
// stay the same when a service is away.
func newCellar(t *testing.T) *cellar {
	t.Helper()
	c := &cellar{
		mysql: stack.Private(t, stack.MariaDB), rabbitmq: stack.Private(t, stack.RabbitMQ), redis: stack.Private(t, stack.Redis),
	}
	dir := t.TempDir()
	settings := stack.Settings{Forced: map[string]string{
		"LONGTAIL_SECRET":        strings.Repeat("5ec2e7", 11),
		"LONGTAIL_BOOTSTRAP_KEY": testKey,
		"LONGTAIL_PUBLIC_URL":    "http://links.test",
		"LONGTAIL_MYSQL_DSN":     c.mysql.DSN(),
		"LONGTAIL_REDIS_URL":     c.redis.URL(),
		"LONGTAIL_AMQP_URL":      c.rabbitmq.URL(),
		"LONGTAIL_LOG":           "text",
	}}
	prepare := func(name string, of func(name, dir string, s stack.Settings) (*stack.Program, error)) *stack.Program {
		p, err := of(name, filepath.Join(dir, name), settings)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("end of the log of %s:\n%s", name, p.Tail(30))
			}
			_ = p.Close()
		})
		return p
	}
	c.redirector, c.worker = prepare("redirector", stack.Redirector), prepare("worker", stack.Worker)
	if _, err := c.redirector.Run(stage.Within(t, 20*time.Second), "migrate"); err != nil {
		t.Fatal(err)
	}
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

// recovers demands that a program becomes ready in time.
func recovers(t *testing.T, p *stack.Program) {
	t.Helper()
	begin := time.Now()
	var said string
	stage.Until(t, recovery, func() string { return p.Name + " is ready: " + said }, func() bool {
		var status int
		status, said = get(t, p.DebugURL()+"/readyz")
		return status == http.StatusOK
	})
	t.Logf("%s was ready %v later", p.Name, time.Since(begin).Round(time.Millisecond))
}

func TestColdStartWithoutAnyService(t *testing.T) {
	c := newCellar(t)
	stage.Kill(t, c.mysql.Process, c.rabbitmq.Process, c.redis.Process)
	waits(t, c.redirector, "database", "Redis")
	waits(t, c.worker, "database", "broker")
	stage.Pass(t, 6*time.Second) // longer than a redirector waits for its database while it could answer
	stillWaits(t, c.redirector, "database", "Redis")
	stillWaits(t, c.worker, "database", "broker")

	stage.Start(t, c.mysql.Process)
	recovers(t, c.redirector)
	stillWaits(t, c.worker, "broker")
	api := &platform.API{Base: c.redirector.APIURL(), Key: testKey}
	s := stage.Open(t, api, "http://links.test", c.mysql.DSN())
	answers := s.Start(t, c.redirector.URL(), 100, 0).Answers()

	stage.Start(t, c.rabbitmq.Process)
	recovers(t, c.worker)
	stage.Start(t, c.redis.Process)
	stage.AllAnswered(t, s.Judge(t, answers))
}

// What Redis knows is answered while the database is away, and counted when it is back: redirects come first.
func TestColdStartWithRedisAlone(t *testing.T) {
	c := newCellar(t)
	stage.Start(t, c.redirector.Process)
	stage.Start(t, c.worker.Process)
	api := &platform.API{Base: c.redirector.APIURL(), Key: testKey}
	s := stage.Open(t, api, "http://links.test", c.mysql.DSN())
	if err := c.redirector.Term(stage.Within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}

	stage.Kill(t, c.mysql.Process)
	if err := c.redis.Pause(); err != nil { // it takes connections and never answers
		t.Fatal(err)
	}
	waits(t, c.redirector, "database", "Redis")
	stage.Pass(t, 6*time.Second)
	stillWaits(t, c.redirector, "database", "Redis")
	if err := c.redis.Cont(); err != nil {
		t.Fatal(err)
	}
	recovers(t, c.redirector)
	answers := s.Start(t, c.redirector.URL(), 100, 0).Answers()
	stage.Start(t, c.mysql.Process)
	// The feed was not registered yet, so that complete_through could pass it: what it holds is a gap until it is counted.
	var rows []oracle.Row
	stage.Until(t, 20*time.Second, func() string { return fmt.Sprintf("a row for each of 100 clicks: %d", len(rows)) }, func() bool {
		var err error
		rows, err = s.DB.Rows(t.Context(), s.Crowd.ID)
		return err == nil && len(rows) >= len(answers)
	})
	found := &stage.Found{Tally: s.Crowd.Compare(answers, rows, true)}
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
