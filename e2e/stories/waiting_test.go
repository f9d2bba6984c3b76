package stories

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// exported returns how many clicks of the campaign an export has, each of them once, and where the next one goes on.
func exported(t *testing.T, s *stage.Stage, cursor string) (n int, next string) {
	t.Helper()
	body, header := asked(t, s, "/api/v1/clicks?"+url.Values{"campaign": {s.Crowd.ID}, "cursor": {cursor}}.Encode())
	seen := map[string]bool{}
	for line := range bytes.Lines(body) {
		var c struct{ ID string }
		if err := json.Unmarshal(line, &c); err != nil || seen[c.ID] {
			t.Fatalf("line %q: %v, or its id for the second time", line, err)
		}
		seen[c.ID] = true
	}
	return len(seen), header.Get("Next-Cursor")
}

// balanced waits for a balance.
func balanced(t *testing.T, s *stage.Stage, want platform.Balance) {
	t.Helper()
	var b platform.Balance
	var err error
	stage.Until(t, time.Minute, func() string { return fmt.Sprintf("a balance of %+v; it is %+v, %v", want, b, err) }, func() bool {
		b, err = s.API.Balance(t.Context(), s.Crowd.ID)
		return err == nil && b == want
	})
}

// through is complete_through as it is told now.
func through(t *testing.T, s *stage.Stage) time.Time {
	t.Helper()
	r, err := s.API.Results(stage.Within(t, 10*time.Second), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	return r.CompleteThrough
}

// While no worker runs, what was answered is told as waiting, complete_through stands before it, and an export ends there;
// its cursor goes on with exactly what came.
func TestWhatWaitsIsToldAndNotExported(t *testing.T) {
	s := stage.For(t)
	for _, w := range s.Workers {
		if err := w.Term(stage.Within(t, 20*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	const clicks = 1000
	answers := s.Start(t, s.URL, clicks, 0).Answers()
	balanced(t, s, platform.Balance{Answered: clicks, Waiting: clicks})
	stands := through(t, s)
	stage.Pass(t, time.Second) // so old is the youngest of them then
	k := keepers(t, s)
	if k.Backlog.Broker < clicks || k.age("broker") < 1 || k.age("broker") > time.Since(stands).Seconds()+tenth || k.Oldest["held"] != nil {
		t.Errorf("the broker holds what is at least a second and at most %v old: keepers %+v", time.Since(stands), k)
	}
	n, cursor := exported(t, s, "")
	stage.Pass(t, 2*time.Second)
	again, _ := exported(t, s, cursor)
	if now := through(t, s); !now.Equal(stands) || now.After(begin) {
		t.Errorf("complete_through is %s and was %s; want it to stand, before the first click at %s", stamp(now), stamp(stands), stamp(begin))
	}
	if n != 0 || again != 0 {
		t.Errorf("exports have %d and %d clicks past complete_through", n, again)
	}
	stage.Whole(t, s.Cluster)
	balanced(t, s, platform.Balance{Answered: clicks, Stored: clicks})
	stage.AllAnswered(t, s.Judge(t, answers))
	n, cursor = exported(t, s, cursor)
	if rest, _ := exported(t, s, cursor); n != clicks || rest != 0 {
		t.Errorf("the cursor went on with %d clicks, and then %d; want %d, and none", n, rest, clicks)
	}
	stage.Until(t, 10*time.Second, func() string { return fmt.Sprintf("no keeper with a click: %+v", k) }, func() bool {
		k = keepers(t, s)
		return k.Oldest["spool"] == nil && k.Oldest["broker"] == nil && k.Oldest["held"] == nil
	})
	t.Logf("answered %d, stored 0, waiting %d; complete_through stood %v before the first click; the export ended there and went on with %d",
		clicks, clicks, begin.Sub(stands).Round(time.Millisecond), n)
}

// kept is what each keeper holds, and for how many seconds its oldest.
type kept struct {
	Backlog struct{ Spool, Broker, Held int }
	Oldest  map[string]any
}

const tenth = 0.1 // ages are told in tenths of a second

// age of a keeper's oldest click; 0 = it is told of none.
func (k kept) age(keeper string) float64 {
	s, _ := k.Oldest[keeper].(float64)
	return s
}

// keepers asks for it, as operators do.
func keepers(t *testing.T, s *stage.Stage) (k kept) {
	t.Helper()
	body, _ := asked(t, s, "/api/v1/ops/pipeline")
	if err := json.Unmarshal(body, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// holdingBack is who holds complete_through back, as operators see it.
func holdingBack(t *testing.T, s *stage.Stage) (all []struct {
	Instance, Feed string
	Waiting        int
}) {
	t.Helper()
	body, _ := asked(t, s, "/api/v1/ops/pipeline")
	var v struct {
		HoldingBack json.RawMessage `json:"holding_back"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(v.HoldingBack, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// A redirector is stopped for good with clicks on its disk, and the disk is gone: it is named, complete_through waits for it
// and others' clicks are counted meanwhile, until an operator forgets it. The gap then says how many are lost.
func TestRedirectorLostWithItsDiskIsForgotten(t *testing.T) {
	t.Parallel() // it has a cluster of its own
	s := stage.On(t, stage.Own(t, stack.Options{Redirectors: 2, Workers: 1}))
	gone, stays := s.Redirectors[0], s.Redirectors[1]
	stage.Kill(t, s.RabbitMQ.Process)
	const lost, kept = 100, 50
	begin := time.Now()
	stage.AllAnswered(t, &stage.Found{Tally: s.Crowd.Compare(s.Start(t, gone.URL(), lost, 0).Answers(), nil, false)})
	balanced(t, s, platform.Balance{Answered: lost, Waiting: lost})
	if err := gone.Term(stage.Within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.Dir, "data", gone.Name)); err != nil {
		t.Fatal(err)
	}
	stage.Start(t, s.RabbitMQ.Process)
	for _, a := range s.From(t, stays.URL(), lost, kept, 0).Answers() {
		if a.Fate != load.Answered {
			t.Fatalf("%+v", a)
		}
	}
	balanced(t, s, platform.Balance{Answered: lost + kept, Stored: kept, Waiting: lost})

	held := holdingBack(t, s)
	stage.Until(t, 30*time.Second, func() string { return fmt.Sprintf("one redirector named as holding back: %+v", held) }, func() bool {
		held = holdingBack(t, s)
		return len(held) == 1
	})
	if k := keepers(t, s); k.age("spool") < 10 || k.age("spool") > time.Since(begin).Seconds()+tenth || k.Oldest["broker"] != nil {
		t.Errorf("silent for 10 s with clicks that are younger than %v: keepers %+v", time.Since(begin), k)
	}
	if held[0].Waiting != lost {
		t.Errorf("holding back: %+v; want %d waiting", held, lost)
	}
	if now := through(t, s); now.After(begin) {
		t.Errorf("complete_through passed the clicks that are gone by %v", now.Sub(begin))
	}
	text, err := stays.Run(stage.Within(t, 10*time.Second), "instances", "forget", held[0].Instance)
	t.Logf("instances forget %s: %s", held[0].Instance, text)
	if err != nil {
		t.Fatal(err)
	}
	gaps := s.Gaps(t)
	if len(gaps) != 1 || gaps[0].Reason != "forgotten" || gaps[0].Clicks == nil || *gaps[0].Clicks != lost {
		t.Errorf("gaps %+v; want one of %d clicks", gaps, lost)
	}
	balanced(t, s, platform.Balance{Answered: lost + kept, Stored: kept, SetAside: lost})
	if held := holdingBack(t, s); len(held) != 0 {
		t.Errorf("holding back: %+v; want nobody", held)
	}
}
