package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/platform"
	"longtail/e2e/stack"
)

const (
	startLimit  = 2 * time.Minute
	settleLimit = 5 * time.Minute // of what a round left in the spool and in the broker
	links       = 10
	recipients  = 20000
	requests    = 20000 // that a load repeats
	connections = 64
)

// A site is a cluster of one redirector and one worker with a campaign on it. Clicks go to the redirector itself.
type site struct {
	*stack.Cluster
	front, worker *stack.Program
	campaign      *oracle.Campaign
	wrk           *wrk
}

// openSite starts one; with against, a second redirector of that build stands beside the first.
func openSite(ctx context.Context, dir, against string, settings map[string]string) (*site, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	o := stack.Options{Dir: dir, Redirectors: 1, Workers: 1, Settings: settings}
	if against != "" {
		o.Redirectors = 2
		o.Route = func(c *stack.Cluster) (map[string]string, error) { c.Redirectors[1].Use(against); return nil, nil }
	}
	c, err := stack.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &site{Cluster: c, front: c.Redirectors[0], worker: c.Workers[0]}
	if err := s.prepare(ctx, dir); err != nil {
		return nil, errors.Join(err, s.discard())
	}
	return s, nil
}

// prepare creates the campaign, writes the load's requests down, and clicks a little, so that the links are in memory.
func (s *site) prepare(ctx context.Context, dir string) error {
	api := &platform.API{Base: s.front.APIURL(), Key: s.Key}
	var urls []string
	for k := range links {
		urls = append(urls, oracle.Target(k))
	}
	made, err := api.CreateLinks(ctx, "bench", urls)
	if err != nil {
		return err
	}
	key, err := api.SigningKey(ctx, "bench")
	if err != nil {
		return err
	}
	u, err := url.Parse(s.HAProxy.URL())
	if err != nil {
		return err
	}
	// People's browsers name the domain without a port.
	s.campaign = oracle.NewCampaign("bench", u.Hostname(), made, recipients, key, 1)
	if s.wrk, err = newWrk(dir, s.campaign, requests, connections); err != nil {
		return err
	}
	for _, r := range s.Redirectors {
		if err := redirects(ctx, r.Public, s.campaign, load.Answered); err != nil {
			return err
		}
	}
	return nil
}

// redirects makes sure that a server answers 302, and with the fate that is expected of one.
func redirects(ctx context.Context, port int, clicks load.Clicks, fate load.Fate) error {
	run := load.Start(ctx, load.Options{Addr: net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), Connections: 4, Timeout: 5 * time.Second},
		make([]time.Duration, 500), clicks)
	for i, a := range run.Answers() {
		if a.Status != 302 || a.Fate != fate {
			return fmt.Errorf("click %d on port %d: status %d, fate %d", i, port, a.Status, a.Fate)
		}
	}
	return nil
}

// counters of the click's way that a round reads.
type counters struct{ recorded, published, inserted, dead float64 }

// counters reads those of one redirector and of the worker.
func (s *site) counters(ctx context.Context, front *stack.Program) (c counters, err error) {
	for _, m := range []struct {
		of   *stack.Program
		name string
		to   *float64
	}{
		{front, "longtail_clicks_recorded_total", &c.recorded},
		{front, "longtail_clicks_published_total", &c.published},
		{s.worker, "longtail_clicks_inserted_total", &c.inserted},
		{s.worker, "longtail_clicks_dead_total", &c.dead},
	} {
		if *m.to, err = m.of.Metric(ctx, m.name); err != nil {
			return c, err
		}
	}
	return c, nil
}

// await looks at the counters until they are as they should be.
func (s *site) await(ctx context.Context, front *stack.Program, what string, reached func(counters) bool) (counters, error) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	for {
		c, err := s.counters(ctx, front)
		if err != nil || reached(c) {
			return c, err
		}
		select {
		case <-ctx.Done():
			return c, fmt.Errorf("clicks are not %s: %+v: %w", what, c, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// discard ends everything at once: nothing of it is needed any more.
func (s *site) discard() error {
	for _, p := range s.Processes() {
		_ = p.Kill9()
	}
	return errors.Join(s.Close(), os.RemoveAll(s.Dir))
}
