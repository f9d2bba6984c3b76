package faults

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/shared/link"
)

// The database is away. Every link that memory or Redis knows redirects; of all others nobody can know, which is 503 and
// never 404; and nothing of that is remembered when it is back. An hour is scaled to a minute.
func TestC9DatabaseAway(t *testing.T) {
	f := stage.NewFault(t, "C9")
	h := newHerd(t, 2, nil)
	s := h.show(t, stage.Full(2_000, 300))
	known := s.Crowd.Links
	forgotten := h.links(t, t.Name()+"-forgotten", 50)
	h.flush(t)
	spread(len(known), func(i int) { h.ask(t.Context(), 1, known[i].Path) }) // Redis knows them from here on
	held := h.kept(t, known)
	for i, l := range shuffled(f, known) { // memory knows one half, and what Redis was too slow to take
		if _, found := held[redisKey(l)]; !found || i%2 == 0 {
			if r := h.ask(t.Context(), 0, l.Path); r.status != http.StatusFound {
				t.Errorf("%s: %+v; want 302", l.Code, r)
			}
		}
	}
	fromRedis := func() int { return stage.Meter(t, h.all[:1], "longtail_resolve_total", `tier="redis"`) }
	before := fromRedis()
	u := unknown{h: h, codes: codeKey(t, h.Cluster)}
	for _, l := range forgotten {
		u.existing = append(u.existing, l.Path)
	}
	answers := s.Clicking(t, stage.People{AtLeast: 1, PerSecond: stage.Full(200, 400)}, func() {
		stage.Pass(t, 200*time.Millisecond)
		stage.Kill(t, h.MySQL.Process)
		u.during(t, stage.Full(time.Minute, 2*time.Second))
		stage.Start(t, h.MySQL.Process)
		u.after(t)
		if stage.Full(true, false) {
			if err := h.MySQL.Pause(); err != nil {
				t.Fatal(err)
			}
			u.during(t, 20*time.Second)
			if err := h.MySQL.Cont(); err != nil {
				t.Fatal(err)
			}
			u.after(t)
		}
	})
	found := s.Judge(t, s.Fresh(t, answers))
	f.Judged(found)
	stage.AllAnswered(t, found)
	f.StruckN("clicks on what nobody could know", u.unavailable)
	f.StruckN("links known by Redis alone", fromRedis()-before)
	f.Note("%d of them 503 with Retry-After, %d others; what exists was found on both instances %v after the database was back",
		u.unavailable, u.others, u.back)
}

// unknown are codes of which neither memory nor Redis knows.
type unknown struct {
	h        *herd
	codes    link.CodeKey
	existing []string // paths of links that only the database knows; a part of them is asked for in each fault

	mu                  sync.Mutex
	unavailable, others int
	back                []time.Duration
}

// never is a code that does not exist, another one in each fault: what was known of it just before is remembered.
func (u *unknown) never() string { return fmt.Sprintf("/never-was-%d", len(u.existing)) }

// during asks all instances for what exists and for what does not, as long as the database is away.
func (u *unknown) during(t *testing.T, d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); stage.Pass(t, 100*time.Millisecond) {
		paths := []string{u.existing[0], u.existing[1], "/" + u.codes.New(), u.never()}
		spread(len(paths)*len(u.h.all), func(n int) {
			r := u.h.ask(t.Context(), n%len(u.h.all), paths[n/len(u.h.all)])
			u.mu.Lock()
			defer u.mu.Unlock()
			if r.status == http.StatusServiceUnavailable && r.retryAfter != "" {
				u.unavailable++
				return
			}
			u.others++
			t.Errorf("%s while the database is away: %+v; want 503 with Retry-After", paths[n/len(u.h.all)], r)
		})
	}
}

// after demands that everything is known again, and takes other links for the next time.
func (u *unknown) after(t *testing.T) {
	t.Helper()
	began := time.Now()
	stage.Until(t, 5*time.Second, func() string { return "all is known again" }, func() bool {
		for i := range u.h.all {
			ok := u.h.ask(t.Context(), i, u.existing[0]).status == http.StatusFound &&
				u.h.ask(t.Context(), i, u.existing[1]).status == http.StatusFound &&
				u.h.ask(t.Context(), i, u.never()).status == http.StatusNotFound
			if !ok {
				return false
			}
		}
		return true
	})
	u.back = append(u.back, time.Since(began).Round(time.Millisecond))
	u.existing = u.existing[2:]
}

// codeKey is the installation's, with which generated codes are checked.
func codeKey(t *testing.T, c *stack.Cluster) link.CodeKey {
	t.Helper()
	var key []byte
	if err := database(t, c).QueryRowContext(context.Background(), "SELECT code_key FROM installation WHERE id = 1").Scan(&key); err != nil {
		t.Fatal(err)
	}
	return link.CodeKey(key)
}
