package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"longtail/shared/queue"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
)

// errHandBack ends the holding of a batch whose store stays unreachable.
var errHandBack = errors.New("store was unreachable for too long")

// persist runs try until it succeeds, with growing pauses, for at most HandBack.
func (g *Ingest) persist(ctx context.Context, try func(context.Context) error) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 50*time.Millisecond, 2*time.Second
	outage := telemetry.Changed{Log: g.log, What: "clicks are held: the store does not take them"}
	for until := time.Now().Add(g.o.HandBack); ; {
		err := try(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		outage.Note(err)
		if err == nil {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("%w: %w", errHandBack, err)
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// store makes the deliveries' clicks durable. With a limited pace they go in several transactions; the last one holds
// the ranges and the dead letters, so that a watermark never runs ahead of its clicks. A failure half-way is harmless:
// what was stored is found to be there when the messages come again.
func (g *Ingest) store(ctx context.Context, held []*queue.Delivery) error {
	b, err := g.judge.all(ctx, held)
	if err != nil {
		return err
	}
	total := len(b.Clicks) + len(b.Dead)
	if err := g.keep(ctx, &b); err != nil {
		return err
	}
	g.metrics.consumed.Add(float64(total))
	return nil
}

// keep inserts the clicks in the steps that the pace grants; ranges and dead letters go with the last one.
func (g *Ingest) keep(ctx context.Context, b *storage.Batch) error {
	for rows := b.Clicks; ; {
		n := 0
		if len(rows) > 0 {
			var err error
			if n, err = g.o.Pace.Grant(ctx, len(rows)); err != nil {
				return err
			}
		}
		part := storage.Batch{Clicks: rows[:n]}
		rows = rows[n:]
		if len(rows) == 0 {
			return g.insertLast(ctx, part, b)
		}
		if err := g.insert(ctx, part, &b.Dead); err != nil {
			return err
		}
	}
}

// insertLast stores the batch's last clicks together with its ranges and dead letters. When the clicks are refused they
// go first, halved until the bad ones stand alone, so that those are among the dead letters.
func (g *Ingest) insertLast(ctx context.Context, part storage.Batch, b *storage.Batch) error {
	part.Dead, part.Ranges = b.Dead, b.Ranges
	err := g.commit(ctx, part)
	if !errors.Is(err, storage.ErrPoison) {
		return err
	}
	if err := g.insert(ctx, storage.Batch{Clicks: part.Clicks}, &b.Dead); err != nil {
		return err
	}
	return g.commit(ctx, storage.Batch{Dead: b.Dead, Ranges: b.Ranges})
}

// insert stores clicks, halving what is refused until the bad click stands alone; that one joins dead.
func (g *Ingest) insert(ctx context.Context, part storage.Batch, dead *[]storage.DeadLetter) error {
	err := g.commit(ctx, part)
	if !errors.Is(err, storage.ErrPoison) {
		return err
	}
	if n := len(part.Clicks); n > 1 {
		if err := g.insert(ctx, storage.Batch{Clicks: part.Clicks[:n/2]}, dead); err != nil {
			return err
		}
		return g.insert(ctx, storage.Batch{Clicks: part.Clicks[n/2:]}, dead)
	}
	*dead = append(*dead, letter(&part.Clicks[0], "rejected", err.Error()))
	return nil
}

func (g *Ingest) commit(ctx context.Context, part storage.Batch) error {
	if len(part.Clicks)+len(part.Dead)+len(part.Ranges) == 0 {
		return nil
	}
	if _, err := g.Commit(ctx, part); err != nil {
		return fmt.Errorf("store %d clicks: %w", len(part.Clicks), err)
	}
	return nil
}

// Commit is the store's Ingest, counted in the metrics: for a Lane, which stores by itself. Who was erased meanwhile is
// named no more; that is looked at here and not when a click is judged, as it may wait for its turn for minutes.
func (g *Ingest) Commit(ctx context.Context, part storage.Batch) (storage.Outcome, error) {
	if err := g.o.Store.AnonymizeErased(ctx, part); err != nil {
		return storage.Outcome{}, err
	}
	start := time.Now()
	out, err := g.o.Store.Ingest(ctx, part)
	g.metrics.batch.Observe(time.Since(start).Seconds())
	g.metrics.inserted.Add(float64(out.Inserted))
	g.inHand.inserted.Add(int64(out.Inserted))
	g.metrics.duplicate.Add(float64(out.Duplicate))
	g.metrics.dead.Add(float64(out.Dead))
	g.metrics.retries.Add(float64(out.Retries))
	return out, err
}
