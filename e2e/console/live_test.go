package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"longtail/e2e/platform"
	"longtail/e2e/stage"
)

// soon is within what a page that is looked at shows what the API tells.
const soon = 3 * time.Second

// shifts begins to sum up by how much the page jumps.
const shifts = `window.jumped = 0; window.same = true;
	new PerformanceObserver((l) => l.getEntries().forEach((e) => { window.jumped += e.value; })).observe({type: "layout-shift"}); 0`

func TestPageFollowsClicks(t *testing.T) {
	p, api := alone(t, nil)
	s := campaign(t, p, api)
	s.Start(t, p.URL(), 100, 0).Answers()
	b := signedIn(t, p.APIURL(), testKey)
	b.as(look{1440, "light"})
	b.visit("/console/campaigns/" + s.Crowd.ID)
	b.until(stepLimit, "the first clicks", func() bool { return b.number("#clicks") == 100 })
	ask[int](b, shifts)

	s.From(t, p.URL(), 100, 500, 0).Answers()
	answered := time.Now()
	stage.Until(t, stepLimit, func() string { return "600 clicks in the API" }, func() bool {
		r, err := api.Results(t.Context(), s.Crowd.ID)
		return err == nil && r.Clicks == 600
	})
	took := b.until(soon, "600 clicks", func() bool { return b.number("#clicks") == 600 })
	t.Logf("500 clicks stood on the page %v after the API told them, %v after the last answer", took, time.Since(answered).Round(10*time.Millisecond))

	r, err := api.Results(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	kinds := strings.Fields(b.text(".kinds"))
	if want := fmt.Sprintf("human %d machine %d unknown %d", r.Human, r.Machine, r.Unknown); strings.Join(kinds, " ") != want {
		t.Errorf("the page says %q; want %q", kinds, want)
	}
	if n := b.number("#uniques"); n != r.UniqueRecipients {
		t.Errorf("the page says %d recipients; want %d", n, r.UniqueRecipients)
	}
	const clicksOf = `[...document.querySelectorAll("[data-part=recipients] tbody tr")].map((r) => r.cells[0].innerText + " " + r.cells[1].innerText)`
	if who := ask[[]string](b, clicksOf); len(who) != 50 || who[0] != clicks(t, api, s.Crowd.ID) {
		t.Errorf("who clicked: %d rows, %q first; want 50, and what the API says now", len(who), who[0])
	}
	if !ask[bool](b, `window.same === true`) {
		t.Error("the page was loaded again")
	}
	if jumped := ask[float64](b, `window.jumped`); jumped > 0.01 {
		t.Errorf("the page jumped by %.3f while its figures changed; want 0.01 at most", jumped)
	} else {
		t.Logf("the page jumped by %.4f", jumped)
	}
}

// Days of a zone that is half an hour off have the clicks that the API tells, in bars of an hour each, the cut ones too.
func TestChosenDays(t *testing.T) {
	t.Parallel()
	p, api := alone(t, nil)
	s := campaign(t, p, api)
	s.Start(t, p.URL(), 100, 0).Answers()
	b := signedIn(t, p.APIURL(), testKey)
	day := func(from int) string { return time.Now().AddDate(0, 0, from).Format(time.DateOnly) }
	b.visit("/console/campaigns/" + s.Crowd.ID + "?span=days&from=" + day(-1) + "&to=" + day(1) + "&tz=Asia/Kolkata")
	b.until(stepLimit, "the clicks of those days", func() bool {
		return ask[string](b, `document.getElementById("series").ariaLabel`) == "Clicks by time, 100 in this range"
	})
	if apart := ask[[]int](b, `[...new Set(bars.data[0].slice(1).map((at, i) => at - bars.data[0][i]))]`); len(apart) != 1 || apart[0] != 3600 {
		t.Errorf("bars begin %v seconds apart; want 3600", apart)
	}
}

// clicks is the first recipient of a campaign, with how often they clicked.
func clicks(t *testing.T, api *platform.API, campaign string) string {
	t.Helper()
	first, ok := call(t, api, "GET", "/api/v1/campaigns/"+campaign+"/recipients?limit=1", map[string]any{})["data"].([]any)[0].(map[string]any)
	if !ok {
		t.Fatal("nobody clicked")
	}
	return fmt.Sprint(first["recipient"], " ", first["clicks"])
}

// The gap between arrivals and what is counted is the queue, on a cluster, through its load balancer.
func TestTheGapIsTheQueue(t *testing.T) {
	t.Parallel()
	s := stage.For(t)
	b := signedIn(t, s.HAProxy.APIURL(), s.Key)
	b.visit("/console/campaigns/" + s.Crowd.ID)
	ask[int](b, shifts)
	for _, w := range s.Workers {
		if err := w.Term(stage.Within(t, stepLimit)); err != nil {
			t.Fatal(err)
		}
	}
	stage.AllAnswered(t, &stage.Found{Tally: s.Crowd.Compare(s.Start(t, s.URL, 1000, 0).Answers(), nil, false)})
	took := b.until(stepLimit, "1000 waiting", func() bool {
		return b.number("#waiting") == 1000 && b.text(".complete strong") == "1\u202f000 waiting"
	})
	if counted := b.number("#clicks"); counted != 0 {
		t.Errorf("%d counted without a worker", counted)
	}
	if chart := ask[string](b, `document.getElementById("live").ariaLabel`); chart != "arrived 1\u202f000, counted 0" {
		t.Errorf("the chart says %q", chart)
	}
	t.Logf("without workers: 1000 waiting stood on the page %v after the last answer; counted 0", took)
	for _, w := range s.Workers {
		stage.Start(t, w.Process)
	}
	took = b.until(stepLimit, "that all is counted", func() bool { return b.number("#clicks") == 1000 && b.number("#waiting") == 0 })
	b.until(stepLimit, "lines that meet", func() bool {
		return ask[string](b, `document.getElementById("live").ariaLabel`) == "arrived 1\u202f000, counted 1\u202f000"
	})
	t.Logf("with workers: the two met on the page %v after they had started", took)

	// Each redirector in turn is killed: the page goes on with the other.
	for _, r := range s.Redirectors {
		if err := r.Restart(stage.Within(t, stepLimit)); err != nil {
			t.Fatal(err)
		}
	}
	s.From(t, s.URL, 1000, 50, 0).Answers()
	b.until(stepLimit, "50 more", func() bool { return b.number("#clicks") == 1050 })
	if !ask[bool](b, `window.same === true`) {
		t.Error("the page was loaded again")
	}
}

func TestRevokedKeyIsSignedOut(t *testing.T) {
	p, api := alone(t, nil)
	s := campaign(t, p, api)
	key := call(t, api, "POST", "/api/v1/keys", map[string]string{"role": "admin", "name": "for an hour"})
	b := signedIn(t, p.APIURL(), fmt.Sprint(key["key"]))
	b.visit("/console/campaigns/" + s.Crowd.ID)
	call(t, api, "DELETE", "/api/v1/keys/"+fmt.Sprint(key["id"]), nil)
	took := b.until(5*time.Second, "a sign-in", func() bool { return ask[string](b, `location.pathname`) == "/console/sign-in" })
	b.visit("/console/keys")
	if at := ask[string](b, `location.pathname`); at != "/console/sign-in" {
		t.Errorf("with a revoked key one is at %s", at)
	}
	t.Logf("signed out %v after the key was revoked", took)
}
