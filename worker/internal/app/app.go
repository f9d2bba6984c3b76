// Package app wires the rooms of a worker and stops them in the right order.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/config"
	"longtail/shared/ingest"
	"longtail/shared/link"
	"longtail/shared/maintain"
	"longtail/shared/pool"
	"longtail/shared/queue/rabbit"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
	"longtail/worker/internal/consume"
	"longtail/worker/internal/quarantine"
)

// Options are the checked settings of a worker.
type Options struct {
	Debug     config.Debug
	DSN       string
	BrokerURL string
	Secrets   config.Secrets
	Pool      config.Pool
	Retention time.Duration
	Log       *slog.Logger
}

// Run stores clicks until ctx ends. What is in hand then is finished or given back to the broker.
func Run(ctx context.Context, o Options) error {
	life := telemetry.NewLifecycle(o.Log)
	err := start(ctx, o, life)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-life.Failed():
		}
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // asked to stop while starting
	}
	return errors.Join(err, life.Stop(context.Background()))
}

// start wires the rooms from the end of the click's way to its beginning. Long and straight on purpose.
func start(ctx context.Context, o Options, life *telemetry.Lifecycle) error {
	registry := telemetry.NewRegistry()
	var reached services
	if err := life.ListenAndServe(ctx, "LONGTAIL_DEBUG_ADDR", o.Debug.Addr, telemetry.Debug(registry, reached.ready)); err != nil {
		return err
	}
	if err := life.ListenAndServe(ctx, "LONGTAIL_PPROF_ADDR", o.Debug.Pprof, telemetry.Pprof()); err != nil {
		return err
	}
	broker, err := rabbit.New(rabbit.Options{URL: o.BrokerURL, Name: "worker", Log: o.Log, Registerer: registry})
	if err != nil {
		return fmt.Errorf("LONGTAIL_AMQP_URL: %w", err)
	}
	life.Go("audit of the broker", 3*time.Second, func(ctx context.Context) error {
		err := broker.AuditPatiently(ctx)
		reached.broker.Store(err == nil)
		return err
	})
	db, err := storage.OpenPatiently(ctx, storage.Options{DSN: o.DSN, Log: o.Log})
	if err != nil {
		return err
	}
	life.Defer("database", 5*time.Second, func(context.Context) error { return db.Close() })

	budget := pool.NewBudget(float64(o.Pool.InsertRate))
	var lane lateLane
	var window func() int
	in := ingest.New(ingest.Options{
		Store: db, Keys: link.Keyring(o.Secrets.Secret, o.Secrets.Previous), Pace: budget, Lane: &lane,
		BatchSize: o.Pool.BatchSize, BatchAge: o.Pool.BatchAge, Window: func() int { return window() }, Log: o.Log, Registerer: registry,
	})
	lane.Lane = quarantine.New(quarantine.Options{Store: counted{db, in}, Judge: in.Judge, Pace: budget.Grant, Log: o.Log, Registerer: registry})

	member := pool.NewMember(db, telemetry.Process(), o.Pool.InsertRate, budget, in.Load, o.Log)
	life.Go("pool", 5*time.Second, member.Run)
	tasks := append(maintain.Tasks(db, o.Retention, time.Now), suspects(db, in, time.Now()))
	life.Go("maintenance", 5*time.Second, func(ctx context.Context) error { return maintain.Run(ctx, tasks, member.Leads, o.Log) })

	consumers, err := newConsumers(broker, in, o, registry)
	if err != nil {
		return err
	}
	window = consumers.Prefetch
	tuning := pool.NewFollower(db, o.Pool, func(p config.Pool) error {
		in.SetBatch(p.BatchSize, p.BatchAge)
		member.Tune(p)
		return consumers.SetTuning(consume.Tuning{Consumers: p.Consumers, Prefetch: windowOf(&p)})
	}, o.Log)
	tuning.Look(ctx)
	life.Go("tuning", 5*time.Second, tuning.Run)
	life.Go("consume", 15*time.Second, consumers.Run)
	reached.database.Store(true)
	o.Log.Info("storing clicks", "insert_rate", o.Pool.InsertRate, "prefetch", consumers.Prefetch(), "consumers", o.Pool.Consumers)
	return nil
}

// services are those without which a worker cannot begin. Once both were reached it stays ready: it waits for them.
type services struct{ database, broker atomic.Bool }

func (s *services) ready() error {
	var missing []error
	if !s.database.Load() {
		missing = append(missing, errors.New("starting: the database was not reached yet"))
	}
	if !s.broker.Load() {
		missing = append(missing, errors.New("starting: the broker was not reached yet"))
	}
	return errors.Join(missing...)
}

func newConsumers(broker *rabbit.Broker, in *ingest.Ingest, o Options, r prometheus.Registerer) (*consume.Pool, error) {
	return consume.New(consume.Options{
		Open: func(prefetch int) consume.Consumer { return broker.Consume(prefetch) }, Sink: in, TakeBack: broker.TakeBack,
		Tuning: consume.Tuning{Consumers: o.Pool.Consumers, Prefetch: windowOf(&o.Pool)}, Log: o.Log, Registerer: r,
	})
}

// maxHeld is how long the clicks in hand may take to insert. The broker takes back what is unacknowledged for 30 minutes.
const maxHeld = 5 * time.Minute

// windowOf returns the prefetch: what was set, or less where the chosen rate could not insert so many full messages in
// time.
func windowOf(p *config.Pool) int {
	if p.InsertRate == 0 {
		return p.Prefetch
	}
	perMessage := 500.0
	inTime := float64(p.InsertRate) * maxHeld.Seconds() / perMessage / float64(max(1, p.Consumers))
	return min(p.Prefetch, max(2, int(inTime)))
}

// suspects tries clicks again that were set aside because something died near them: one at a time, and not before this
// worker has lived for a minute.
func suspects(db *storage.DB, in *ingest.Ingest, started time.Time) maintain.Task {
	return maintain.Task{Name: "suspects", Every: 15 * time.Second, Limit: time.Minute, Run: func(ctx context.Context) error {
		if time.Since(started) < time.Minute {
			return nil
		}
		due, err := db.SuspectsDue(ctx, 10)
		for i := range due {
			if err == nil {
				_, _, err = in.Replay(ctx, due[i:i+1])
			}
		}
		return err
	}}
}

// counted is the store of the lane: what it ingests is in ingest's counters.
type counted struct {
	*storage.DB
	in *ingest.Ingest
}

// Ingest stores a batch.
func (c counted) Ingest(ctx context.Context, b storage.Batch) (storage.Outcome, error) {
	return c.in.Commit(ctx, b)
}

// lateLane breaks the circle of ingest, which hands messages to the lane, and the lane, which judges like ingest.
type lateLane struct{ ingest.Lane }
