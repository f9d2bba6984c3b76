package stories

import (
	"context"
	"strings"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/stack"
)

// testKey is the API key of an allinone under test.
const testKey = "a-key-for-stories-0123456789abcdef"

// alone starts allinone in a folder of its own.
func alone(t *testing.T) *stack.Program {
	t.Helper()
	return stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: map[string]string{"LONGTAIL_BOOTSTRAP_KEY": testKey}})
		if err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})
}

func TestAllinoneCountsAThousandClicksWithinTwoSeconds(t *testing.T) {
	p := alone(t)
	user := platform{api: p.APIURL(), key: testKey}
	link := user.link(t, "alone", "https://example.com/alone")
	run := load.Start(t.Context(), load.Options{Addr: strings.TrimPrefix(p.URL(), "http://"), Connections: 50, Timeout: 10 * time.Second},
		make([]time.Duration, 1000), crowdFor(t, link)) // all due at once: 50 connections, closed loop
	answers := run.Answers()
	var f figures
	until(t, 2*time.Second, func() string { return "1000 clicks in the figures" }, func() bool {
		return user.get(t, "/api/v1/campaigns/alone/stats", &f) == nil && f.Clicks == 1000
	})
	settle(t, user, "alone", 10*time.Second)
	rows, err := user.agents(t, "alone")
	if err != nil {
		t.Fatal(err)
	}
	found := compare(answers, rows)
	t.Log(found)
	if !found.kept() || found.answered != 1000 {
		t.Fatal(found)
	}
}

func TestAllinoneKilledThreeTimesLosesNothing(t *testing.T) {
	p := alone(t)
	user := platform{api: p.APIURL(), key: testKey}
	link := user.link(t, "killed", "https://example.com/killed")
	run := crowdFor(t, link).start(t.Context(), p.URL(), 1500, 200)
	for range 3 {
		pass(t, 800*time.Millisecond)
		if err := p.Restart(within(t, 20*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	answers := run.Answers()
	settle(t, user, "killed", 30*time.Second)
	rows, err := user.agents(t, "killed")
	if err != nil {
		t.Fatal(err)
	}
	found := compare(answers, rows)
	t.Log(found)
	if !found.kept() {
		t.Errorf("the promise is broken: %v", found)
	}
	var f figures
	if err := user.get(t, "/api/v1/campaigns/killed/stats", &f); err != nil {
		t.Fatal(err)
	}
	if f.Clicks < found.answered || f.Clicks > found.answered+found.unknown || f.Clicks != found.rows {
		t.Errorf("counted %d; want answered %d <= counted <= %d, and the %d rows", f.Clicks, found.answered, found.answered+found.unknown, found.rows)
	}
	if found.unknown+found.other == 0 {
		t.Error("nobody noticed three kills: the blows did not fall while people clicked")
	}
}
