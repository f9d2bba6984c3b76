package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/platform"
	"longtail/e2e/stage"
)

// People click on links that are in no memory at first, while Redis is there, refuses, hangs, and holds anything but what
// it should. Everybody is redirected to the right place, at the pace of before, and each link is looked up once.
func TestC8BrokenRedis(t *testing.T) {
	f := stage.NewFault(t, "C8")
	h := newHerd(t, 1, nil)
	s := h.show(t, stage.Full(20_000, 2_000))
	whole := h.sample(t)
	h.flush(t)
	errors := func() int { return stage.Meter(t, h.all, "longtail_resolve_redis_errors_total") }
	struck := func(what string, before int) { f.StruckN("exchanges that failed, Redis "+what, errors()-before) }
	lasts := stage.Full(15*time.Second, 1500*time.Millisecond)
	var began time.Time
	var parts []part
	during := func(name string) {
		from := time.Since(began)
		stage.Pass(t, lasts)
		parts = append(parts, part{name, from, time.Since(began)})
	}
	answers := s.Clicking(t, stage.People{AtLeast: 1, PerSecond: 500}, func() {
		began = time.Now()
		during("well")

		before := errors()
		stage.Kill(t, h.Redis.Process)
		during("killed")
		struck("killed", before)
		stage.Start(t, h.Redis.Process)

		before = errors()
		if err := h.Redis.Pause(); err != nil {
			t.Fatal(err)
		}
		during("hanging")
		struck("hanging", before)
		if err := h.Redis.Cont(); err != nil {
			t.Fatal(err)
		}
		h.silent(t, false)

		before = errors()
		h.spoil(t, f, s.Crowd.Links, whole)
		during("spoiled")
		struck("spoiled", before)
	})
	found := s.Judge(t, answers)
	f.Judged(found)
	stage.AllAnswered(t, found)
	lookups := h.looked(t)
	if lookups > len(s.Crowd.Links) {
		t.Errorf("%d lookups in MySQL of %d links; want one of each at most", lookups, len(s.Crowd.Links))
	}
	f.Note("%d lookups in MySQL; wrong redirects %d; 302 p99 with Redis %s", lookups, found.Astray, paces(answers, parts))
}

// A part of a run.
type part struct {
	name     string
	from, to time.Duration
}

// paces tells the 99th percentile of what people waited in each part.
func paces(answers []load.Answer, parts []part) string {
	var all []string
	for _, p := range parts {
		took := load.Latencies(stage.Between(answers, p.from, p.to), load.Answer.Latency)
		all = append(all, fmt.Sprintf("%s %v", p.name, took.P99.Round(10*time.Microsecond)))
	}
	return strings.Join(all, ", ")
}

// show is a campaign of n links, clicked at the herd's first instance, which knows none of them.
func (h *herd) show(t *testing.T, n int) *stage.Show {
	t.Helper()
	api := &platform.API{Base: h.Redirectors[0].APIURL(), Key: h.Key}
	s := stage.Open(t, api, h.all[0].URL(), h.MySQL.DSN())
	key, err := api.SigningKey(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.Crowd = oracle.NewCampaign(s.Crowd.ID, "links.test", h.links(t, s.Crowd.ID, n), 300, key, 1)
	return &s
}

// spoil puts something else into Redis where links should be: of another type, cut, whole but of another link, with a bit
// flipped.
func (h *herd) spoil(t *testing.T, f *stage.Fault, links []oracle.Link, whole string) {
	t.Helper()
	ctx := t.Context()
	way := f.Random.Perm(len(links))
	f.Planned(way)
	pipe := h.redis.TxPipeline()
	for i, l := range links {
		key := redisKey(l)
		pipe.Del(ctx, key)
		switch way[i] % 6 {
		case 0:
			pipe.LPush(ctx, key, l.URL)
		case 1:
			pipe.HSet(ctx, key, "url", l.URL)
		case 2:
			pipe.Set(ctx, key, whole[:1+way[i]%(len(whole)-1)], time.Hour)
		case 3:
			pipe.Set(ctx, key, whole, time.Hour)
		case 4:
			pipe.Set(ctx, key, "https://evil.example/", time.Hour)
		case 5:
			at := way[i] % len(whole)
			pipe.Set(ctx, key, whole[:at]+string([]byte{whole[at] ^ 1<<(way[i]%8)})+whole[at+1:], time.Hour)
		}
	}
	if _, err := pipe.Exec(context.WithoutCancel(ctx)); err != nil {
		t.Fatal(err)
	}
}

// sample is a whole value of a link that nobody clicks.
func (h *herd) sample(t *testing.T) (whole string) {
	t.Helper()
	stage.Until(t, 10*time.Second, func() string { return "a new link in Redis" }, func() bool {
		l := h.links(t, t.Name()+"-sample", 1)[0]
		whole = h.kept(t, []oracle.Link{l})[redisKey(l)]
		return whole != ""
	})
	return whole
}

// kept are what Redis holds of links, by key.
func (h *herd) kept(t *testing.T, links []oracle.Link) map[string]string {
	t.Helper()
	values := map[string]string{}
	for some := range slices.Chunk(links, 1000) {
		keys := make([]string, len(some))
		for i, l := range some {
			keys[i] = redisKey(l)
		}
		found, err := h.redis.MGet(t.Context(), keys...).Result()
		if err != nil {
			t.Fatal(err)
		}
		for i, value := range found {
			if text, ok := value.(string); ok {
				values[keys[i]] = text
			}
		}
	}
	return values
}

// redisKey is where Redis holds a link of the default domain.
func redisKey(l oracle.Link) string { return "longtail:link:1:" + l.Code }
