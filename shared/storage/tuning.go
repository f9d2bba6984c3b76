package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"longtail/shared/link"
)

// The table tuning: one row, the pool's settings as an operator set them. Once it is there it wins over the settings of
// each process.

// Tuning returns the stored settings, as the JSON they were set in, and their version. Version 0 tells that there are
// none.
func (d *DB) Tuning(ctx context.Context) (body []byte, version int, err error) {
	err = d.sql.QueryRowContext(ctx, "SELECT body, version FROM tuning WHERE id = 1").Scan(&body, &version)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read tuning: %w", err)
	}
	return body, version, nil
}

// SetTuning stores new settings over those of version seen and returns the new version; link.ErrStale if somebody else
// was faster. The audit of the account of who did it has them before and after.
func (d *DB) SetTuning(ctx context.Context, account uint32, body []byte, seen int) (version int, err error) {
	version = seen + 1
	err = d.write(ctx, func(tx *sql.Tx) error {
		var before *string
		err := tx.QueryRowContext(ctx, "SELECT body FROM tuning WHERE id = 1"+d.dia.ForUpdate).Scan(&before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read tuning: %w", err)
		}
		var result sql.Result
		if seen == 0 {
			result, err = tx.ExecContext(ctx, "INSERT INTO tuning (id, version, body) VALUES (1, 1, ?)"+d.dia.Ignore("tuning", "id"), string(body))
		} else {
			result, err = tx.ExecContext(ctx, "UPDATE tuning SET version = ?, body = ? WHERE id = 1 AND version = ?", version, string(body), seen)
		}
		if err != nil {
			return fmt.Errorf("store tuning: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, link.ErrStale)
		}
		return d.noteAudit(ctx, d.ormOn(ctx, tx), alteration{account: account, action: "tuning.set", name: "pool", after: json.RawMessage(body)},
			changeRow{AtMs: time.Now().UnixMilli(), BeforeJSON: before})
	})
	return version, err
}
