package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"longtail/shared/link"
)

// The table installation: one row with the key that makes and checks generated codes.

// CodeKey returns the installation's key of generated codes. The first who asks makes it; it never changes.
func (d *DB) CodeKey(ctx context.Context) (key link.CodeKey, err error) {
	if key, err = d.readCodeKey(ctx); !errors.Is(err, sql.ErrNoRows) {
		return key, err
	}
	fresh := make([]byte, len(key))
	rand.Read(fresh)
	err = d.writeAgain(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO installation (id, code_key, created_ms) VALUES (1, ?, ?)"+d.dia.Ignore("installation", "id"), fresh, time.Now().UnixMilli())
		return err
	})
	if err != nil {
		return key, fmt.Errorf("make key of codes: %w", err)
	}
	return d.readCodeKey(ctx)
}

func (d *DB) readCodeKey(ctx context.Context) (key link.CodeKey, err error) {
	var b []byte
	if err := d.sql.QueryRowContext(ctx, "SELECT code_key FROM installation WHERE id = 1").Scan(&b); err != nil {
		return key, fmt.Errorf("read key of codes: %w", err)
	}
	if len(b) != len(key) {
		return key, fmt.Errorf("%w: the key of codes has %d bytes", ErrBug, len(b))
	}
	return link.CodeKey(b), nil
}
