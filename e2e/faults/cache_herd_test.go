package faults

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"longtail/e2e/oracle"
	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/e2e/wire"
)

// A herd is redirectors beside the shared cluster's own: nothing is in their memory when they start, and they reach
// Redis by a wire that can be cut.
type herd struct {
	*stack.Cluster
	all    []*stack.Program
	others []*platform.API // of the cluster's own redirectors
	wire   *wire.Proxy     // of all in the herd to Redis
	redis  *redis.Client   // past the wire
	asker  *http.Transport
}

// newHerd starts n redirectors with settings of their own, and ends them with the test.
func newHerd(t *testing.T, n int, settings map[string]string) *herd {
	t.Helper()
	h := &herd{Cluster: stage.Cluster(t), asker: &http.Transport{MaxIdleConnsPerHost: 256}}
	for _, p := range h.Redirectors {
		h.others = append(h.others, &platform.API{Base: p.APIURL(), Key: h.Key})
	}
	var err error
	if h.wire, err = wire.Listen(loopback(h.Redis.Port)); err != nil {
		t.Fatal(err)
	}
	h.redis = redis.NewClient(&redis.Options{Addr: loopback(h.Redis.Port)})
	t.Cleanup(func() {
		h.asker.CloseIdleConnections()
		_ = h.redis.Close()
		_ = h.wire.Close()
	})
	own := map[string]string{"LONGTAIL_REDIS_URL": "redis://" + h.wire.Addr() + "/0"}
	maps.Copy(own, settings)
	var starting sync.WaitGroup
	for i := range n {
		name := fmt.Sprintf("herd-%d", i+1)
		p, err := h.Redirector(name, filepath.Join(t.TempDir(), name), own)
		if err != nil {
			t.Fatal(err)
		}
		h.all = append(h.all, p)
		starting.Go(func() {
			if err := p.Start(stage.Within(t, time.Minute)); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	t.Cleanup(func() { h.end(t) })
	return h
}

// end ends all instances at once, when there is nothing any more that would keep them from ending well.
func (h *herd) end(t *testing.T) {
	t.Helper()
	h.whole(t)
	var ending sync.WaitGroup
	for _, p := range h.all {
		ending.Go(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", p.Name, p.Tail(20))
		}
	}
	ending.Wait()
}

// whole ends every fault.
func (h *herd) whole(t *testing.T) {
	t.Helper()
	h.wire.Heal()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	for _, p := range []*stack.Process{h.MySQL.Process, h.Redis.Process} {
		if err := p.Cont(); err != nil {
			t.Error(err)
		}
		if !p.Alive() {
			if err := p.Start(ctx); err != nil {
				t.Error(err)
			}
		}
	}
}

// links makes n links, that nobody in the herd knows.
func (h *herd) links(t *testing.T, campaign string, n int) []oracle.Link {
	t.Helper()
	urls := make([]string, n)
	for i := range urls {
		urls[i] = oracle.Target(i)
	}
	made, err := h.others[0].CreateLinks(t.Context(), campaign, urls)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// shuffled are links in the order of the plan.
func shuffled(f *stage.Fault, links []oracle.Link) []oracle.Link {
	order := f.Random.Perm(len(links))
	f.Planned(order)
	mixed := make([]oracle.Link, len(links))
	for i, k := range order {
		mixed[i] = links[k]
	}
	return mixed
}

// flush empties Redis.
func (h *herd) flush(t *testing.T) {
	t.Helper()
	if err := h.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

// A reply is what one instance said.
type reply struct {
	status     int
	location   string
	retryAfter string
}

// ask asks an instance for a path as a click does, but by HEAD, which is in no figure; status 0 is no answer.
func (h *herd) ask(ctx context.Context, instance int, path string) reply {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, h.all[instance].URL()+path, nil)
	if err != nil {
		return reply{}
	}
	resp, err := h.asker.RoundTrip(req)
	if err != nil {
		return reply{}
	}
	resp.Body.Close()
	return reply{resp.StatusCode, resp.Header.Get("Location"), resp.Header.Get("Retry-After")}
}

// know lets every instance be asked for links, which it then has in memory.
func (h *herd) know(t *testing.T, links []oracle.Link) {
	t.Helper()
	spread(len(links)*len(h.all), func(n int) {
		l, i := links[n/len(h.all)], n%len(h.all)
		if r := h.ask(t.Context(), i, l.Path); r.status != http.StatusFound || r.location != l.URL {
			t.Errorf("%s on %s: %+v; want a 302 to %s", l.Code, h.all[i].Name, r, l.URL)
		}
	})
}

// looked is how often the database was asked for a link, by the instances' own counters.
func (h *herd) looked(t *testing.T) int {
	t.Helper()
	return stage.Meter(t, h.all, "longtail_resolve_total", `tier="mysql"`)
}

// commands is how often Redis was given a command.
func (h *herd) commands(t *testing.T, name string) int {
	t.Helper()
	text, err := h.redis.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(text, "cmdstat_"+name+":calls=")
	if !found {
		return 0
	}
	n, _, _ := strings.Cut(rest, ",")
	calls, err := strconv.Atoi(n)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
