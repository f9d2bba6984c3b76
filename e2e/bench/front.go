package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"longtail/e2e/load"
	"longtail/e2e/stack"
)

// The cores of the front's measurement. What answers has one for itself; the load, the services and the worker share the
// other.
const (
	answering = 0
	others    = 1
)

// A stand is the front of a site beside two servers that do less.
type stand struct {
	*site
	nginx, gin *stack.Process
}

// front measures one redirector on one core: clicks that are found in memory, journaled and published, while a worker
// stores them at the rate that docker-compose.yml chooses.
func front(ctx context.Context, o Options) (lines []line, err error) {
	if err := withPprof(o); err != nil {
		return nil, err
	}
	s, err := openSite(ctx, o.Dir, o.Against, map[string]string{"GOMAXPROCS": "1", "LONGTAIL_INSERT_RATE": "2000"})
	if err != nil {
		return nil, err
	}
	t := &stand{site: s}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.prepare(ctx, o); err != nil {
		return nil, err
	}
	contenders := []contender{
		{"longtail", func(ctx context.Context) (sample, error) { return t.ours(ctx, o, t.front) }},
		{"nginx", func(ctx context.Context) (sample, error) { return t.bare(ctx, o, t.nginx) }},
		{"gin", func(ctx context.Context) (sample, error) { return t.bare(ctx, o, t.gin) }},
	}
	if o.Against != "" {
		other := func(ctx context.Context) (sample, error) { return t.ours(ctx, o, t.Redirectors[1]) }
		contenders = slices.Insert(contenders, 1, contender{"against", other})
	}
	got, err := alternate(ctx, o, contenders)
	if err == nil && o.Profile != "" {
		err = t.profile(ctx, o, "front", t.front)
	}
	if err != nil {
		return nil, err
	}
	lines = frontLines(got)
	if o.Against != "" {
		ours, other := quantity{"longtail", "cpu"}, quantity{"against", "cpu"}
		lines = append(lines, compare("front: CPU of the redirector, beside the other build", "us/click", "", got, ours, other))
	}
	return lines, nil
}

func frontLines(got results) []line {
	ours := func(name string) quantity { return quantity{"longtail", name} }
	return []line{
		compare("front: clicks on one core, beside nginx return 302", "1/s", ">= 0.40", got, ours("rate"), quantity{"nginx", "rate"}),
		compare("front: clicks on one core, beside bare gin", "1/s", ">= 0.85", got, ours("rate"), quantity{"gin", "rate"}),
		compare("front: CPU of the redirector, beside nginx", "us/click", "", got, ours("cpu"), quantity{"nginx", "cpu"}),
		compare("front: CPU of the redirector, beside bare gin", "us/click", "", got, ours("cpu"), quantity{"gin", "cpu"}),
		compare("front: published when the load ends, beside recorded", "clicks", "", got, ours("published"), ours("recorded")),
		cost("front: CPU of RabbitMQ for each click published", got, ours("rabbitmq")),
		cost("front: CPU of the worker for each row", got, ours("worker")),
		cost("front: CPU of MariaDB for each row", got, ours("mysqld")),
		compare("front: 302 p99 at that rate, beside bare gin", "ms", "", got, ours("p99"), quantity{"gin", "p99"}),
	}
}

// prepare starts the references and gives everybody a core.
func (t *stand) prepare(ctx context.Context, o Options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if t.nginx, err = stack.Nginx(ctx, filepath.Join(o.Dir, "nginx"), constant); err != nil {
		return err
	}
	port, err := stack.FreePort()
	if err != nil {
		return err
	}
	t.gin, err = stack.Command("gin", filepath.Join(o.Dir, "gin"), port, []string{"GOMAXPROCS=1"},
		o.Self, "serve-gin", "--addr", net.JoinHostPort("127.0.0.1", fmt.Sprint(port)))
	if err != nil {
		return err
	}
	if err := t.gin.Start(ctx); err != nil {
		return err
	}
	for _, p := range []*stack.Process{t.nginx, t.gin} {
		if err := redirects(ctx, p.Port, t.campaign, load.Astray); err != nil {
			return err
		}
	}
	rest := []int{os.Getpid()}
	for _, p := range t.Processes() {
		rest = append(rest, p.PID())
	}
	alone := []int{t.nginx.PID(), t.gin.PID()}
	for _, r := range t.Redirectors {
		alone = append(alone, r.PID())
	}
	return errors.Join(pin(ctx, others, rest...), pin(ctx, answering, alone...))
}

// ours clicks for a round, and waits until all of it is confirmed by the broker: that is part of a click's price.
func (t *stand) ours(ctx context.Context, o Options, front *stack.Program) (sample, error) {
	processes := []*stack.Process{front.Process, t.RabbitMQ.Process, t.worker.Process, t.MySQL.Process}
	before, err := t.counters(ctx, front)
	if err != nil {
		return nil, err
	}
	since, err := usageOf(processes...)
	if err != nil {
		return nil, err
	}
	f, err := t.wrk.fire(ctx, o, front.Public)
	if err != nil {
		return nil, err
	}
	now, err := t.counters(ctx, front)
	if err != nil {
		return nil, err
	}
	end, err := t.await(ctx, front, "published", func(c counters) bool { return c.published == c.recorded })
	if err != nil {
		return nil, err
	}
	used, err := usageOf(processes...)
	if err != nil {
		return nil, err
	}
	clicks, rows := end.recorded-before.recorded, end.inserted-before.inserted
	if clicks < f.answers || end.dead > 0 {
		return nil, fmt.Errorf("%.0f answered, %.0f recorded, %.0f set aside", f.answers, clicks, end.dead)
	}
	return sample{
		"rate": f.rate(), "p99": f.p99.Seconds() * 1000, "recorded": now.recorded - before.recorded, "published": now.published - before.published,
		"cpu": used.micros(since, front.Name, clicks), "rabbitmq": used.micros(since, "rabbitmq", clicks),
		"worker": used.micros(since, t.worker.Name, rows), "mysqld": used.micros(since, "mysqld", rows),
	}, nil
}

func (t *stand) bare(ctx context.Context, o Options, p *stack.Process) (sample, error) {
	since, err := usageOf(p)
	if err != nil {
		return nil, err
	}
	f, err := t.wrk.fire(ctx, o, p.Port)
	if err != nil {
		return nil, err
	}
	used, err := usageOf(p)
	return sample{"rate": f.rate(), "p99": f.p99.Seconds() * 1000, "cpu": used.micros(since, p.Name, f.answers)}, err
}

func (t *stand) close() error {
	var errs []error
	for _, p := range []*stack.Process{t.nginx, t.gin} {
		if p != nil {
			errs = append(errs, p.Kill9())
		}
	}
	return errors.Join(append(errs, t.discard())...)
}
