package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"longtail/redirector/internal/feed"
	"longtail/shared/click"
	"longtail/shared/telemetry"
)

// errHeld: what a living process has is not taken from it.
var errHeld = errors.New("slots are locked by living redirectors and stay theirs")

// Drain hands over what dead redirectors left under the data folder, and returns when all of it is confirmed, counted
// and signed off. Slots whose owners live are left alone, and named in an error: who drains a volume wants it empty.
func Drain(ctx context.Context, o Options) error {
	a := &app{o: o, registry: telemetry.NewRegistry(), life: telemetry.NewLifecycle(o.Log), clock: click.NewClock(), late: newLate()}
	a.o.Spool.Journal = "kill"
	err := a.drainAll(ctx)
	return errors.Join(err, a.life.Stop(context.WithoutCancel(ctx)))
}

func (a *app) drainAll(ctx context.Context) error {
	a.openDatabase()
	if _, err := a.database(ctx); err != nil {
		return err
	}
	if err := a.openSpool(ctx); err != nil {
		return err
	}
	if err := a.startHop(ctx); err != nil {
		return err
	}
	keeper := feed.New(a.late, a.spool, a.clock, telemetry.Process()+"/drain", a.o.Log)
	n, err := keeper.Drain(ctx)
	if err != nil {
		return fmt.Errorf("drain %s: %w", a.o.Spool.DataDir, err)
	}
	fmt.Printf("%d feeds handed over\n", n)
	if held := a.spool.Held(); len(held) > 0 {
		return fmt.Errorf("drain %s: %w: %s", a.o.Spool.DataDir, errHeld, strings.Join(held, ", "))
	}
	return nil
}
