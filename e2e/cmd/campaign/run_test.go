package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"longtail/e2e/evidence"
	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/platform"
	"longtail/shared/link"
)

// found answers every click with a 302 to the same place.
func found(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", "https://example.com/")
	w.WriteHeader(http.StatusFound)
}

// Without an API the generator clicks any URL and tells answers and latencies.
func TestAnyURLCanBeClicked(t *testing.T) {
	var others atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/go/r-") {
			others.Add(1)
		}
		found(w, r)
	}))
	defer s.Close()
	o := &runCommand{Clicks: 500, Hour: 50 * time.Millisecond, Seed: 1, Links: 1, Recipients: 10, Addr: s.URL + "/go", Connections: 8, Timeout: 5 * time.Second}
	out, err := o.once(t.Context(), "longtail")
	if err != nil {
		t.Fatal(err)
	}
	if out.tally.Answered != 500 || others.Load() > 0 || out.broken() {
		t.Errorf("%+v, %d at other paths", out.tally, others.Load())
	}
	var text bytes.Buffer
	out.print(&text)
	if !strings.Contains(text.String(), "answered               500") || strings.Contains(text.String(), "lost") {
		t.Errorf("the report does not say what was seen:\n%s", text.String())
	}
	if err := out.draw(filepath.Join(t.TempDir(), "c.svg")); err != nil {
		t.Error(err)
	}
}

// pipeline answers for balance and stats as a store does that needs a few questions to catch up.
func pipeline(t *testing.T, answered, step int) *run {
	t.Helper()
	var stored atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/campaigns/c/balance", func(w http.ResponseWriter, _ *http.Request) {
		n := min(int64(answered), stored.Add(int64(step)))
		fmt.Fprintf(w, `{"answered":%d,"stored":%d,"waiting":%d,"set_aside":0}`, answered, n, int64(answered)-n)
	})
	mux.HandleFunc("GET /api/v1/campaigns/c/stats", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"clicks":%d,"complete_through":%q}`, answered, time.Now().UTC().Add(time.Second).Format(time.RFC3339Nano))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return &run{
		runCommand: &runCommand{Patience: 700 * time.Millisecond, Demo: true},
		api:        &platform.API{Base: s.URL, Key: "k"},
		campaign:   oracle.NewCampaign("c", "h", []oracle.Link{{}}, 1, link.CampaignKey{}, 1),
	}
}

func someAnswered(n int) []load.Answer {
	answers := make([]load.Answer, n)
	for i := range answers {
		answers[i].Fate = load.Answered
	}
	return answers
}

func TestSettleWaitsForAll(t *testing.T) {
	if _, note := pipeline(t, 10, 4).settle(t.Context(), someAnswered(10), time.Now()); note != "" {
		t.Errorf("note %q", note)
	}
}

func TestSettleGivesUpOnAStandstill(t *testing.T) {
	_, note := pipeline(t, 9, 9).settle(t.Context(), someAnswered(10), time.Now())
	if !strings.Contains(note, "nothing moved") {
		t.Errorf("note %q", note)
	}
	r := pipeline(t, 9, 9)
	r.api.Base += "/nowhere"
	if _, note := r.settle(t.Context(), someAnswered(10), time.Now()); !strings.Contains(note, "404") {
		t.Errorf("note %q", note)
	}
}

// Every kind of broken promise ends in exit status 1.
func TestBroken(t *testing.T) {
	for name, change := range map[string]func(o *outcome){
		"":                     func(*outcome) {},
		"lost":                 func(o *outcome) { o.tally.Lost = 1 },
		"duplicated":           func(o *outcome) { o.tally.Duplicated = 1 },
		"unexpected":           func(o *outcome) { o.tally.Unexpected = 1 },
		"astray":               func(o *outcome) { o.tally.Astray = 1 },
		"a figure differs":     func(o *outcome) { o.differences = []string{"x"} },
		"balance: not all":     func(o *outcome) { o.balance.Stored = 9 },
		"balance: too many":    func(o *outcome) { o.balance.Answered, o.balance.Waiting = 12, 2 },
		"balance does not sum": func(o *outcome) { o.balance.Waiting = 1 },
		"rows cannot be read":  func(o *outcome) { o.compared, o.note = false, "cannot compare" },
		"never counted":        func(o *outcome) { o.note = "given up" },
	} {
		r := pipeline(t, 10, 10)
		r.mode = "longtail"
		o := &outcome{run: r, tally: &oracle.Tally{Answered: 10, Rows: 10}, balance: platform.Balance{Answered: 10, Stored: 10}}
		o.compared = true
		change(o)
		if o.broken() != (name != "") {
			t.Errorf("%q: broken %v", name, o.broken())
		}
	}
}

// What was answered is told even when the database is gone in the end.
func TestNoDatabaseIsTold(t *testing.T) {
	r := pipeline(t, 10, 10)
	db, err := evidence.Open("sqlite:" + filepath.Join(t.TempDir(), "none.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r.db = db
	if err := r.compareRows(t.Context(), &outcome{run: r}); err == nil || !strings.Contains(err.Error(), "v_clicks") {
		t.Errorf("error %v", err)
	}
}
