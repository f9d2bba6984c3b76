package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"longtail/redirector/internal/edge"
	"longtail/redirector/internal/feed"
	"longtail/redirector/internal/resolve"
	"longtail/shared/click"
	"longtail/shared/queue/spool"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
)

const (
	// drain is how long the public port stays open after it says that it is not ready: the load balancer asks twice a
	// second and needs two answers.
	drain = 1500 * time.Millisecond
	// coldStart is how long clicks wait at start for the feed and the API, while the links can be found.
	coldStart = 5 * time.Second
	// handOver bounds the emptying of the spool at the end. What is left stays on the disk.
	handOver = 20 * time.Second
)

// Run serves until ctx ends, and then hands over everything that it has answered.
func Run(ctx context.Context, o Options) error {
	a := &app{o: o, registry: telemetry.NewRegistry(), life: telemetry.NewLifecycle(o.Log), clock: click.NewClock(), late: newLate()}
	err := a.start(ctx)
	if err == nil {
		select {
		case <-ctx.Done():
			o.Log.Info("stopping: handing over what was answered")
		case err = <-a.life.Failed():
		}
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // asked to stop while starting
	}
	return errors.Join(err, a.life.Stop(context.Background()))
}

// app is what start has wired so far.
type app struct {
	o        Options
	registry *prometheus.Registry
	life     *telemetry.Lifecycle
	clock    *click.Clock
	late     *late
	spool    *spool.Spool
	redis    redis.UniversalClient // nil = no second tier
	resolver *resolve.Resolver
	keeper   *feed.Keeper
	door     door        // the API's
	wired    atomic.Bool // what ready asks is there
	early    atomic.Bool // clicks are answered though the database was not there in time for the feed and the API
}

// start wires the rooms in the order of the click's way, from its end to its beginning, so that whatever is stopped hands
// on to something that still runs. Long and straight on purpose.
func (a *app) start(ctx context.Context) error {
	if err := a.life.ListenAndServe(ctx, "LONGTAIL_DEBUG_ADDR", a.o.Debug.Addr, telemetry.Debug(a.registry, a.ready)); err != nil {
		return err
	}
	if err := a.life.ListenAndServe(ctx, "LONGTAIL_PPROF_ADDR", a.o.Debug.Pprof, telemetry.Pprof()); err != nil {
		return err
	}

	// Ports are taken before anything is begun: a busy one is the commonest mistake.
	public, err := a.listen(ctx, "LONGTAIL_PUBLIC_ADDR", a.o.Public.Addr)
	if err != nil {
		return err
	}
	api, err := a.listen(ctx, "LONGTAIL_API_ADDR", a.o.API.Addr)
	if err != nil {
		return err
	}

	// The database may be away now and come later: links that Redis knows are redirected meanwhile.
	a.openDatabase()
	if err := a.openSpool(ctx); err != nil {
		return err
	}
	a.giveDatabase(ctx, time.Second)
	if err := a.startResolve(); err != nil {
		return err
	}
	if err := a.startHop(ctx); err != nil {
		return err
	}
	a.startKeeper()
	a.wired.Store(true)
	a.startAPI(api)
	return a.startEdge(ctx, public)
}

// ready is what operators and the load balancer ask. Once warm it stays so, whatever else fails: redirects go on. They also
// come first at a start without the database: then what Redis knows is answered before the feed is registered.
func (a *app) ready() error {
	switch {
	case !a.wired.Load() || !a.resolver.Ready():
		return errors.New("starting: neither the database nor Redis has told the domains yet")
	case !a.keeper.Registered() && (a.keeper.GivenUp() || !a.early.Load()):
		return errors.New("this instance's feed is not registered in the database")
	case a.o.API.Addr != "" && !a.door.open() && !a.early.Load():
		return errors.New("starting: the API is not open yet")
	}
	return nil
}

func (a *app) openDatabase() {
	a.life.Defer("database", 5*time.Second, func(context.Context) error { return a.late.close() })
	a.life.Go("opening the database", 6*time.Second, func(ctx context.Context) error {
		return a.late.open(ctx, storage.Options{DSN: a.o.DSN, Log: a.o.Log})
	})
}

// giveDatabase waits a moment for a database that is up, so that the first read of the links' world succeeds.
func (a *app) giveDatabase(ctx context.Context, moment time.Duration) {
	select {
	case <-a.late.opened:
	case <-time.After(moment):
	case <-ctx.Done():
	}
}

func (a *app) openSpool(ctx context.Context) error {
	mode, err := spool.ParseMode(a.o.Spool.Journal)
	if err != nil {
		return err
	}
	a.spool, err = spool.Open(ctx, spool.Options{
		Dir: filepath.Join(a.o.Spool.DataDir, "spool"), Mode: mode, MaxBytes: a.o.Spool.MaxBytes, Window: a.window(),
		Clock: a.clock, Gaps: a.late, Log: a.o.Log, Registerer: a.registry,
	})
	if err != nil {
		return fmt.Errorf("LONGTAIL_DATA_DIR %s: %w", a.o.Spool.DataDir, err)
	}
	a.life.Defer("spool", 5*time.Second, func(context.Context) error { return a.spool.Close() })
	return nil
}

func (a *app) startResolve() error {
	if a.o.RedisURL != "" {
		var err error
		if a.redis, err = resolve.OpenRedis(a.o.RedisURL); err != nil {
			return err
		}
		a.life.Defer("redis", time.Second, func(context.Context) error { return a.redis.Close() })
	}
	a.resolver = resolve.New(resolve.Options{
		Store: a.late, Redis: a.redis, CacheBytes: uint64(a.o.CacheBytes), Log: a.o.Log, Registerer: a.registry,
	})
	a.life.Defer("resolve", 3*time.Second, func(context.Context) error { a.resolver.Close(); return nil })
	a.life.Go("the feed of changes", 3*time.Second, func(ctx context.Context) error { a.resolver.Run(ctx); return nil })
	return nil
}

// startKeeper keeps the database's knowledge of the spool true. Its stop is the hand-over: the public port is closed by
// then, and the hop behind the spool still runs.
func (a *app) startKeeper() {
	instance := telemetry.Process() + "/" + a.spool.Live().Slot()
	a.keeper = feed.New(a.late, a.spool, a.clock, instance, a.o.Log)
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.keeper.Run(running) }()
	a.life.Defer("hand-over", handOver, func(ctx context.Context) error {
		stop()
		return errors.Join(<-ended, a.keeper.SignOff(ctx))
	})
}

func (a *app) startEdge(ctx context.Context, l net.Listener) error {
	if l == nil {
		return nil
	}
	ip, err := edge.ParseIPMode(a.o.Public.IP)
	if err != nil {
		return err
	}
	e := edge.New(edge.Options{
		Resolver: a.resolver, Journal: a.spool, Ready: func() bool { return a.ready() == nil },
		TrustedProxies: edge.NewTrustedProxies(a.o.Public.Proxies), IP: ip, Log: a.o.Log, Registerer: a.registry,
	})
	server := edge.NewServer(e, a.drain())
	if err := a.waitWarm(ctx); err != nil {
		return err
	}
	a.life.Serve("public port", 15*time.Second, server, l)
	a.o.Log.Info("answering clicks", "address", l.Addr().String())
	if a.o.Started != nil {
		a.o.Started()
	}
	return nil
}

// waitWarm waits until the feed is registered and the API is open. Redirects come first, though: once links can be found,
// it waits no longer than five seconds since the start, or since the database was reached.
func (a *app) waitWarm(ctx context.Context) error {
	begin, opened := time.Now(), a.late.opened
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for a.ready() != nil && (!a.resolver.Ready() || time.Since(begin) < coldStart) {
		select {
		case <-opened:
			begin, opened = time.Now(), nil
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case err := <-a.life.Failed():
			return err
		}
	}
	a.early.Store(a.ready() != nil)
	return nil
}

// listen opens a port; nil stands for off. The lifecycle closes it, whoever serves on it.
func (a *app) listen(ctx context.Context, setting, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := telemetry.Listen(ctx, setting, addr)
	if err != nil {
		return nil, err
	}
	a.life.Defer(setting, time.Second, func(context.Context) error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return l, nil
}
