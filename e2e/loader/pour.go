package loader

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"longtail/shared/click"
	"longtail/shared/ingest"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// How the clicks are poured: two loops share the machine with the database.
const (
	loops     = 2
	batchSize = 4000
	window    = 500
	tickEvery = time.Second
	lastWords = 10 * time.Second // to sign the feed off, also when the load was interrupted
)

// Pour stores the clicks, whose tokens are checked with keys, and returns when all are committed. Nobody else may write to
// their feed, which is signed off at the end whatever happened. progress may be nil.
func Pour(ctx context.Context, db *storage.DB, keys func(account uint32, campaign string) []link.CampaignKey,
	clicks iter.Seq[click.Click], progress func(stored int)) error {
	f, err := openFeed(ctx, db, clicks)
	if err != nil {
		return err
	}
	in := ingest.New(ingest.Options{
		Store: db, Keys: keys, BatchSize: batchSize, BatchAge: time.Second, Window: func() int { return window }, HandBack: time.Minute,
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	running, rctx := errgroup.WithContext(ctx)
	for range loops {
		running.Go(func() error { return in.Run(rctx, f) })
	}
	ended := make(chan error, 1)
	go func() { ended <- running.Wait() }()
	err = f.follow(ctx, ended, progress)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	err = errors.Join(err, ctx.Err(), f.close(last))
	if _, _, _, rows := in.Load(); err == nil && rows != uint64(f.handed) { //nolint:gosec // from 0
		err = fmt.Errorf("%d of %d clicks became rows: worker deadletter list tells why", rows, f.handed)
	}
	return err
}

// follow tells the database once a second what was stored, as a redirector tells what it answered, until the loops end.
func (f *feed) follow(ctx context.Context, ended <-chan error, progress func(int)) error {
	ticks := time.NewTicker(tickEvery)
	defer ticks.Stop()
	var told error
	for {
		select {
		case err := <-ended:
			return errors.Join(err, told)
		case <-ticks.C:
		}
		if progress != nil {
			progress(f.stored())
		}
		// A failure is told at the end: the loops have the same database and know how to wait for it.
		told = errors.Join(f.tick(ctx), f.db.CompactRanges(ctx))
	}
}
