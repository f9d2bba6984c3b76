package quarantine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

// errPanicked says that judging a message panicked: one of its clicks is why.
var errPanicked = errors.New("judging it panicked")

// whole tries the message in one piece, or in as many as the pace wants. It is not done, without an error, when the clicks
// must be tried alone: it was tried often enough, or its data is why it failed.
func (l *Lane) whole(ctx context.Context, d *queue.Delivery) (done bool, err error) {
	if tries, err := l.note(ctx, d, name(d)); err != nil || tries > WholeAttempts {
		return false, err
	}
	b, err := l.judgeWhole(ctx, d)
	for clicks := b.Clicks; err == nil; {
		n := len(clicks)
		if n > 0 && l.o.Pace != nil {
			if n, err = l.o.Pace(ctx, n); err != nil {
				return false, err
			}
		}
		part := storage.Batch{Clicks: clicks[:n]}
		if clicks = clicks[n:]; len(clicks) == 0 {
			part.Dead, part.Ranges = b.Dead, b.Ranges
			return took(l.ingest(ctx, part))
		}
		err = l.ingest(ctx, part)
	}
	return took(err)
}

// took tells what an error means for the message as a whole.
func took(err error) (done bool, _ error) {
	if errors.Is(err, storage.ErrPoison) || errors.Is(err, errPanicked) {
		return false, nil
	}
	return err == nil, err
}

func (l *Lane) judgeWhole(ctx context.Context, d *queue.Delivery) (b storage.Batch, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanicked, p)
		}
	}()
	return l.o.Judge(ctx, d)
}

// name is what a message's tries are counted under: the hash of its clicks.
func name(d *queue.Delivery) (id click.ID) {
	sum := sha256.Sum256(d.Frames)
	copy(id[:], sum[:])
	return id
}
