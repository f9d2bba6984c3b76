package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"gorm.io/gorm"

	"longtail/shared/storage/dialect"
)

// How long a transaction is begun again before its caller hears of it.
const (
	againTries = 8
	againFirst = 5 * time.Millisecond
	againMost  = 500 * time.Millisecond
)

// errUnknown marks a COMMIT of which nobody knows whether it was done.
var errUnknown = errors.New("outcome of commit is unknown")

// write runs fn in a transaction. After a deadlock, a lock wait timeout or a lost connection the whole of fn runs again
// in a new one, up to a bound; so fn must not change what outlives it before it knows that it will be the last. A COMMIT
// whose outcome is unknown is returned as an error and not repeated.
func (d *DB) write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	_, err := d.transact(ctx, false, fn)
	return err
}

// writeAgain is write for work that is harmless to do twice: it repeats after an unknown outcome as well.
func (d *DB) writeAgain(ctx context.Context, fn func(tx *sql.Tx) error) error {
	_, err := d.transact(ctx, true, fn)
	return err
}

// writeOrm is write with gorm on the transaction.
func (d *DB) writeOrm(ctx context.Context, fn func(tx *gorm.DB) error) error {
	return d.write(ctx, func(tx *sql.Tx) error { return fn(d.ormOn(ctx, tx)) })
}

// transact also tells how many transactions were rolled back and begun again.
func (d *DB) transact(ctx context.Context, unknownToo bool, fn func(tx *sql.Tx) error) (retries int, err error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = againFirst, againMost
	for {
		err = d.once(ctx, fn)
		if err == nil || ctx.Err() != nil || retries == againTries {
			return retries, err
		}
		if d.dia.Kind(err) != dialect.Again || errors.Is(err, errUnknown) && !unknownToo {
			return retries, err
		}
		retries++
		if err := wait(ctx, pause.NextBackOff()); err != nil {
			return retries, err
		}
	}
}

// once runs one transaction and always ends it.
func (d *DB) once(ctx context.Context, fn func(tx *sql.Tx) error) error {
	if d.writer != nil {
		select {
		case d.writer <- struct{}{}:
			defer func() { <-d.writer }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	tx, err := d.sql.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // of no effect after Commit
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
