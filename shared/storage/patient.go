package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"longtail/shared/telemetry"
)

const (
	openTry   = 5 * time.Second
	openPause = time.Second

	commandWait = 6 * time.Hour
)

// OpenPatiently opens the store, however long it takes to be reached, until ctx ends. It gives up at once only when the
// store was reached and its schema is not this program's (ErrSchema).
func OpenPatiently(ctx context.Context, o Options) (*DB, error) {
	outage := telemetry.Changed{Log: o.Log.With("component", "storage"), What: "the database is not reached, trying again"}
	for {
		db, err := openChecked(ctx, o)
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		if err == nil || errors.Is(err, ErrSchema) {
			return db, err
		}
		outage.Note(err)
		if wait(ctx, openPause) != nil {
			return nil, ctx.Err()
		}
	}
}

func openChecked(ctx context.Context, o Options) (*DB, error) {
	ctx, cancel := context.WithTimeout(ctx, openTry)
	defer cancel()
	db, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := db.CheckSchema(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("check the schema: %w", err), db.Close())
	}
	return db, nil
}

// OpenNow opens the store for one command: it is reached within ten seconds or the command fails. Its statements may take
// hours, as those that audit or rebuild a large store do; ctx ends them.
func OpenNow(ctx context.Context, o Options) (*DB, error) {
	o.AnswerWithin = commandWait
	ctx, cancel := context.WithTimeout(ctx, 2*openTry)
	defer cancel()
	return openChecked(ctx, o)
}
