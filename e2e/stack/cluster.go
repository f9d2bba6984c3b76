package stack

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// clicksQueue is where redirectors and workers meet.
const clicksQueue = "longtail.clicks.1"

// Options of a cluster.
type Options struct {
	Dir         string            // its secrets, and data/NAME for each process
	Redirectors int               // 1 to 4
	Workers     int               // 0 or more
	SharedSpool bool              // redirectors share one folder of spool slots, as on one volume
	Settings    map[string]string // LONGTAIL_* of every program; these win over the environment
	// Route, when it is there, is called once the services run and before the first program does. What it returns wins
	// over Settings and over the services' own addresses: it leads the programs through proxies (package wire).
	Route func(*Cluster) (map[string]string, error)
}

// A Cluster is the whole of the click's way: services, load balancer, redirectors and workers.
type Cluster struct {
	Dir         string
	MySQL       *Database
	RabbitMQ    *Broker
	Redis       *Cache
	HAProxy     *Proxy
	Redirectors []*Program
	Workers     []*Program
	Key         string // of the API

	settings Settings
}

// Start starts a cluster and returns when all of it is ready. What ctx bounds is the start only. On an error nothing of
// it is left running.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if err := Install(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Dir: dir}
	if err := c.start(ctx, o); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// start goes in three steps: the services at once, with the migration as soon as its database is there; then the
// programs at once; the load balancer must see them, and the
// broker must have their queue on disk, so that from then on anything may be killed.
func (c *Cluster) start(ctx context.Context, o Options) error {
	upstreams, err := c.prepare(o)
	if err != nil {
		return err
	}
	services, sctx := errgroup.WithContext(ctx)
	services.Go(func() (err error) { c.RabbitMQ, err = RabbitMQ(sctx, c.data("rabbitmq")); return err })
	services.Go(func() (err error) { c.Redis, err = Redis(sctx, c.data("redis")); return err })
	services.Go(func() (err error) { c.MySQL, err = MariaDB(sctx, c.data("mysqld")); return err })
	services.Go(func() (err error) { c.HAProxy, err = HAProxy(sctx, c.data("haproxy"), upstreams...); return err })
	if err := services.Wait(); err != nil {
		return err
	}
	if err := c.configure(o); err != nil {
		return err
	}
	if _, err := c.Redirectors[0].Run(ctx, "migrate"); err != nil {
		return err
	}
	programs, pctx := errgroup.WithContext(ctx)
	for _, p := range c.programs() {
		programs.Go(func() error { return p.Start(pctx) })
	}
	if err := programs.Wait(); err != nil {
		return err
	}
	return errors.Join(c.HAProxy.Balances(ctx, len(c.Redirectors)), c.RabbitMQ.Settled(ctx, clicksQueue))
}

// prepare makes the programs, whose ports the load balancer must know.
func (c *Cluster) prepare(o Options) ([]Upstream, error) {
	var upstreams []Upstream
	for i := range o.Redirectors {
		name := fmt.Sprintf("redirector-%d", i+1)
		p, err := Redirector(name, c.data(name), Settings{})
		if err != nil {
			return nil, err
		}
		c.Redirectors = append(c.Redirectors, p)
		upstreams = append(upstreams, Upstream{Public: p.Public, API: p.API})
	}
	for i := range o.Workers {
		name := fmt.Sprintf("worker-%d", i+1)
		p, err := Worker(name, c.data(name), Settings{})
		if err != nil {
			return nil, err
		}
		c.Workers = append(c.Workers, p)
	}
	return upstreams, nil
}

// configure gives every program the addresses of the services, the secrets and the caller's settings.
func (c *Cluster) configure(o Options) error {
	secret, err := Secret(filepath.Join(c.Dir, "secret"))
	if err != nil {
		return err
	}
	if c.Key, err = Secret(filepath.Join(c.Dir, "bootstrap-key")); err != nil {
		return err
	}
	var routes map[string]string
	if o.Route != nil {
		if routes, err = o.Route(c); err != nil {
			return fmt.Errorf("route the programs: %w", err)
		}
	}
	c.settings = Settings{
		Defaults: map[string]string{
			"LONGTAIL_SECRET":          secret,
			"LONGTAIL_BOOTSTRAP_KEY":   c.Key,
			"LONGTAIL_PUBLIC_URL":      c.HAProxy.URL(),
			"LONGTAIL_TRUSTED_PROXIES": "127.0.0.1/32",
			"LONGTAIL_LOG":             "text",
		},
		Forced: merged(map[string]string{
			"LONGTAIL_MYSQL_DSN": c.MySQL.DSN(),
			"LONGTAIL_REDIS_URL": c.Redis.URL(),
			"LONGTAIL_AMQP_URL":  c.RabbitMQ.URL(),
		}, o.Settings, routes),
	}
	if o.SharedSpool {
		c.settings.Forced["LONGTAIL_DATA_DIR"] = c.data("spools")
	}
	for _, p := range c.programs() {
		p.Configure(c.settings)
	}
	c.Key = c.chosenKey()
	return nil
}

// Reroute gives one program of the cluster other LONGTAIL_* settings than the rest, such as addresses of its own proxies,
// from its next start on.
func (c *Cluster) Reroute(p *Program, settings map[string]string) {
	p.Configure(Settings{Defaults: c.settings.Defaults, Forced: merged(c.settings.Forced, settings)})
}

// chosenKey is the API key that the programs really have: the environment's, if it names one.
func (c *Cluster) chosenKey() string {
	if path := os.Getenv("LONGTAIL_BOOTSTRAP_KEY_FILE"); path != "" {
		if text, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	for _, kv := range c.longtail() {
		if kv[0] == "LONGTAIL_BOOTSTRAP_KEY" {
			return kv[1]
		}
	}
	return c.Key
}

// Secret reads a secret that was kept in a file, or makes one of 64 hexadecimal digits and keeps it there, 0600.
func Secret(path string) (string, error) {
	if text, err := os.ReadFile(path); err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	text := hex.EncodeToString(b[:])
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return text, os.WriteFile(path, []byte(text+"\n"), 0o600)
}

func (c *Cluster) data(name string) string { return filepath.Join(c.Dir, "data", name) }

func (c *Cluster) programs() []*Program {
	return append(append([]*Program{}, c.Workers...), c.Redirectors...)
}

// Processes are all of the cluster's, each with a name of its own, in the order of the click's way.
func (c *Cluster) Processes() []*Process {
	var all []*Process
	if c.HAProxy != nil {
		all = append(all, c.HAProxy.Process)
	}
	for _, p := range c.Redirectors {
		all = append(all, p.Process)
	}
	if c.Redis != nil {
		all = append(all, c.Redis.Process)
	}
	if c.RabbitMQ != nil {
		all = append(all, c.RabbitMQ.Process)
	}
	for _, p := range c.Workers {
		all = append(all, p.Process)
	}
	if c.MySQL != nil {
		all = append(all, c.MySQL.Process)
	}
	return all
}

// Variables are the names that scripts find the cluster by, in the order of .cluster/env.
func (c *Cluster) Variables() [][2]string {
	vars := [][2]string{{"P", c.HAProxy.URL()}, {"A", c.HAProxy.APIURL()}}
	for i, p := range c.Redirectors {
		vars = append(vars, [2]string{fmt.Sprintf("P%d", i+1), p.URL()}, [2]string{fmt.Sprintf("A%d", i+1), p.APIURL()})
	}
	vars = append(vars, [][2]string{
		{"K", c.Key}, {"SQL", c.MySQL.Command()}, {"AMQP", c.RabbitMQ.URL()}, {"REDIS", c.Redis.URL()},
	}...)
	return append(vars, c.longtail()...)
}

// longtail are the LONGTAIL_* settings that all programs of the cluster share.
func (c *Cluster) longtail() [][2]string {
	var vars [][2]string
	for _, kv := range environment(c.settings.Defaults, c.settings.Forced) {
		name, value, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "LONGTAIL_") && !strings.HasSuffix(name, "_ADDR") && name != "LONGTAIL_DATA_DIR" {
			vars = append(vars, [2]string{name, value})
		}
	}
	return vars
}

// Close stops everything in the order of the click's way, so that each can hand over to the next.
func (c *Cluster) Close() error {
	var programs, services []func() error
	for _, p := range c.programs() {
		programs = append(programs, p.Close)
	}
	if c.HAProxy != nil {
		services = append(services, c.HAProxy.Close)
	}
	if c.Redis != nil {
		services = append(services, c.Redis.Close)
	}
	if c.RabbitMQ != nil {
		services = append(services, c.RabbitMQ.Close)
	}
	if c.MySQL != nil {
		services = append(services, c.MySQL.Close)
	}
	return errors.Join(atOnce(programs), atOnce(services))
}

// atOnce runs all and joins their errors.
func atOnce(all []func() error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(all))
	for i, f := range all {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Tail returns the last n lines of each process's log.
func (c *Cluster) Tail(n int) string {
	var all strings.Builder
	for _, p := range c.Processes() {
		fmt.Fprintf(&all, "--- %s (process %d, %s)\n%s\n", p.Name, p.PID(), time.Now().UTC().Format(time.TimeOnly), p.Tail(n))
	}
	return all.String()
}
