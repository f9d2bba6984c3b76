package storage

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// The table idempotency: the answers of requests that named an Idempotency-Key, for 24 h.

const (
	onceKept = 24 * time.Hour
	// onceLost is how long a request may run before its process counts as dead and its key is free again.
	onceLost = 2 * time.Minute
)

// An Earlier is what is known of a request that came before with the same key.
type Earlier struct {
	Began  bool // this is the first: do it, then finish or abandon
	Hash   [32]byte
	Status int // 0 = still running
	Answer []byte
}

// BeginOnce takes a key of an account for a request. Of two equal requests at the same time one Began.
func (d *DB) BeginOnce(ctx context.Context, account uint32, key string, hash [32]byte) (e Earlier, err error) {
	err = d.write(ctx, func(tx *sql.Tx) error {
		now := time.Now().UnixMilli()
		_, err := tx.ExecContext(ctx, "DELETE FROM idempotency WHERE account_id = ? AND idem_key = ? AND (at_ms < ? OR status IS NULL AND at_ms < ?)",
			account, []byte(key), now-onceKept.Milliseconds(), now-onceLost.Milliseconds())
		if err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, "INSERT INTO idempotency (account_id, idem_key, body_hash, at_ms) VALUES (?, ?, ?, ?)"+
			d.dia.Ignore("idempotency", "account_id, idem_key"), account, []byte(key), hash[:], now)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			e = Earlier{Began: true, Hash: hash}
			return err
		}
		var status sql.NullInt64
		var body []byte
		e = Earlier{}
		err = tx.QueryRowContext(ctx, "SELECT body_hash, status, answer FROM idempotency WHERE account_id = ? AND idem_key = ?", account, []byte(key)).
			Scan(&body, &status, &e.Answer)
		copy(e.Hash[:], body)
		e.Status = int(status.Int64)
		return err
	})
	if err != nil {
		return Earlier{}, fmt.Errorf("begin idempotent request: %w", err)
	}
	return e, nil
}

// FinishOnce keeps the answer of a request that Began.
func (d *DB) FinishOnce(ctx context.Context, account uint32, key string, status int, answer []byte) error {
	return d.onceDone(ctx, "UPDATE idempotency SET status = ?, answer = ?, at_ms = ? WHERE account_id = ? AND idem_key = ?",
		status, answer, time.Now().UnixMilli(), account, []byte(key))
}

// AbandonOnce forgets a request that Began and failed, so that it can be tried again.
func (d *DB) AbandonOnce(ctx context.Context, account uint32, key string) error {
	return d.onceDone(ctx, "DELETE FROM idempotency WHERE account_id = ? AND idem_key = ? AND status IS NULL", account, []byte(key))
}

// DropOnce forgets the answers that are older than 24 h.
func (d *DB) DropOnce(ctx context.Context) error {
	return d.onceDone(ctx, "DELETE FROM idempotency WHERE at_ms < ?", time.Now().Add(-onceKept).UnixMilli())
}

func (d *DB) onceDone(ctx context.Context, query string, args ...any) error {
	err := d.writeAgain(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("idempotent request: %w", err)
	}
	return nil
}
