package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/stack"
)

// A way is a whole site beside a server of the naive design on the same database.
type way struct {
	*site
	naive *stack.Process
}

// pipeline measures what a click costs from its request to its committed row, all processes but the load together, and
// how many a second this machine brings there. Nothing is bound to a core, and the insert rate is not limited.
func pipeline(ctx context.Context, o Options) (lines []line, err error) {
	if err := withPprof(o); err != nil {
		return nil, err
	}
	s, err := openSite(ctx, o.Dir, "", nil)
	if err != nil {
		return nil, err
	}
	w := &way{site: s}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.startNaive(ctx, o); err != nil {
		return nil, err
	}
	got, err := alternate(ctx, o, []contender{
		{"longtail", func(ctx context.Context) (sample, error) { return w.ours(ctx, o) }},
		{"naive", func(ctx context.Context) (sample, error) { return w.theirs(ctx, o) }},
	})
	if err == nil && o.Profile != "" {
		err = w.profile(ctx, o, "pipeline", w.front, w.worker)
	}
	if err != nil {
		return nil, err
	}
	ours, naive := func(name string) quantity { return quantity{"longtail", name} }, func(name string) quantity { return quantity{"naive", name} }
	return []line{
		compare("pipeline: clicks until the last is a row, beside naive", "1/s", ">= 6", got, ours("rate"), naive("rate")),
		compare("pipeline: CPU of all processes, beside naive", "us/click", "<= 0.167", got, ours("cpu"), naive("cpu")),
		cost("pipeline: CPU of the redirector", got, ours(s.front.Name)),
		cost("pipeline: CPU of RabbitMQ", got, ours("rabbitmq")),
		cost("pipeline: CPU of the worker", got, ours(s.worker.Name)),
		compare("pipeline: CPU of MariaDB, beside naive's", "us/click", "", got, ours("mysqld"), naive("mysqld")),
	}, nil
}

func (w *way) startNaive(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	port, err := stack.FreePort()
	if err != nil {
		return err
	}
	w.naive, err = stack.Command("naive", filepath.Join(o.Dir, "naive"), port, []string{"CAMPAIGN_DB=" + w.MySQL.DSN()},
		o.Naive, "serve-naive", "--mode", "naive", "--addr", net.JoinHostPort("127.0.0.1", fmt.Sprint(port)))
	if err != nil {
		return err
	}
	if err := w.naive.Start(ctx); err != nil {
		return err
	}
	return redirects(ctx, port, w.campaign, load.Answered)
}

// ours clicks for a round and waits until each click is a row; the time of both counts.
func (w *way) ours(ctx context.Context, o Options) (sample, error) {
	stored := func(c counters) bool { return c.inserted == c.recorded }
	before, err := w.await(ctx, w.front, "stored", stored)
	if err != nil {
		return nil, err
	}
	since, err := usageOf(w.Processes()...)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	var f fired
	var end counters
	err = ahead(o, func() error {
		if f, err = w.wrk.run(ctx, w.front.Public, o); err != nil {
			return err
		}
		end, err = w.await(ctx, w.front, "stored", stored)
		return err
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	used, err := usageOf(w.Processes()...)
	if err != nil {
		return nil, err
	}
	clicks := end.inserted - before.inserted
	if clicks < f.answers || end.dead > 0 {
		return nil, fmt.Errorf("%.0f answered, %.0f stored, %.0f set aside", f.answers, clicks, end.dead)
	}
	s := sample{"rate": clicks / took.Seconds(), "answered a second": f.rate()}
	for name := range used {
		s[name] = used.micros(since, name, clicks)
		s["cpu"] += s[name]
	}
	return s, nil
}

// theirs clicks for a round: an answer is a row there.
func (w *way) theirs(ctx context.Context, o Options) (sample, error) {
	processes := []*stack.Process{w.naive, w.MySQL.Process}
	since, err := usageOf(processes...)
	if err != nil {
		return nil, err
	}
	f, err := w.wrk.fire(ctx, o, w.naive.Port)
	if err != nil {
		return nil, err
	}
	used, err := usageOf(processes...)
	if err != nil {
		return nil, err
	}
	s := sample{"rate": f.rate()}
	for name := range used {
		s[name] = used.micros(since, name, f.answers)
		s["cpu"] += s[name]
	}
	return s, nil
}

func (w *way) close() error {
	if w.naive != nil {
		_ = w.naive.Kill9()
	}
	return w.discard()
}
