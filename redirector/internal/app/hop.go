package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"longtail/redirector/internal/publish"
	"longtail/shared/config"
	"longtail/shared/ingest"
	"longtail/shared/link"
	"longtail/shared/maintain"
	"longtail/shared/pool"
	"longtail/shared/queue/rabbit"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
)

// embeddedWindow is how many messages ingest has in hand without a broker: enough for a batch of small ones.
const embeddedWindow = 64

// embeddedAge bounds a batch's age there: nobody else's database is spared.
const embeddedAge = 200 * time.Millisecond

func (a *app) window() int {
	if a.o.embedded() {
		return embeddedWindow
	}
	return 0 // the spool's own
}

// drain: without a load balancer there is nobody to wait for.
func (a *app) drain() time.Duration {
	if a.o.embedded() {
		return 0
	}
	return drain
}

// startHop starts what takes clicks out of the spool: the one difference between the cluster and allinone.
func (a *app) startHop(ctx context.Context) error {
	if a.o.embedded() {
		return a.startIngest(ctx)
	}
	broker, err := rabbit.New(rabbit.Options{URL: a.o.BrokerURL, Name: "redirector", Log: a.o.Log, Registerer: a.registry})
	if err != nil {
		return fmt.Errorf("LONGTAIL_AMQP_URL: %w", err)
	}
	a.life.Go("audit of the broker", 3*time.Second, broker.AuditPatiently)
	publisher := publish.New(broker, a.o.Log, a.registry)
	a.life.Go("publish", 8*time.Second, func(ctx context.Context) error { return publisher.Run(ctx, a.spool) })
	return nil
}

// startIngest stores what the spool delivers, in this process. It needs the database, which here is a file.
func (a *app) startIngest(ctx context.Context) error {
	db, err := a.database(ctx)
	if err != nil {
		return err
	}
	budget := pool.NewBudget(float64(a.o.Pool.InsertRate))
	in := ingest.New(ingest.Options{
		Store: db, Keys: link.Keyring(a.o.Secrets.Secret, a.o.Secrets.Previous), Pace: budget,
		BatchSize: a.o.Pool.BatchSize, BatchAge: min(a.o.Pool.BatchAge, embeddedAge), Window: func() int { return embeddedWindow },
		Log: a.o.Log, Registerer: a.registry,
	})
	a.life.Go("ingest", 8*time.Second, func(ctx context.Context) error { return in.Run(ctx, a.spool) })
	member := pool.NewMember(db, telemetry.Process(), a.o.Pool.InsertRate, budget, in.Load, a.o.Log)
	member.FromSpool()
	a.life.Go("pool", 3*time.Second, member.Run)
	// There are no consumers here, and what the spool hands out at once is fixed.
	tuning := pool.NewFollower(db, a.o.Pool, func(p config.Pool) error {
		in.SetBatch(p.BatchSize, min(p.BatchAge, embeddedAge))
		member.Tune(p)
		return nil
	}, a.o.Log)
	tuning.Look(ctx)
	a.life.Go("tuning", 3*time.Second, tuning.Run)
	tasks := maintain.Tasks(db, a.o.Retention, time.Now)
	a.life.Go("maintenance", 5*time.Second, func(ctx context.Context) error {
		return maintain.Run(ctx, tasks, member.Leads, a.o.Log)
	})
	return nil
}

// database waits until the database is open.
func (a *app) database(ctx context.Context) (*storage.DB, error) {
	select {
	case <-a.late.opened:
		return a.late.db.Load(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-a.life.Failed():
		return nil, errors.Join(errors.New("the database was not opened"), err)
	}
}
