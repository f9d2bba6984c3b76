package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// The table workers: who stores clicks now. It is how the workers of a pool know of each other.

// A WorkerState is what one worker tells the others and the operator, once a second.
type WorkerState struct {
	ID           [16]byte `json:"-"`
	SeenMS       int64    `json:"-"` // the database's clock
	Share        int      `json:"-"` // rows a second that this worker allows itself; 0 = no limit
	Name         string   `json:"name"`
	StartedMS    int64    `json:"started_ms"`
	PrefetchUsed int      `json:"prefetch_used"`        // messages in hand
	Held         int      `json:"held"`                 // clicks in hand
	FromSpool    bool     `json:"from_spool,omitempty"` // they lie in a spool, too, which counts them until they are stored
	OldestMS     int64    `json:"oldest_ms,omitempty"`  // time of the oldest of them; 0 = none, or an older worker, which does not tell
	InsertPerS   float64  `json:"insert_per_s"`
	PoolRate     int      `json:"pool_rate"` // rows a second of the whole pool, as this worker was told; 0 = no limit
	Consumers    int      `json:"consumers,omitempty"`
	Prefetch     int      `json:"prefetch,omitempty"` // messages in hand of each consumer at most
	BatchSize    int      `json:"batch_size,omitempty"`
	BatchAgeMS   int64    `json:"batch_age_ms,omitempty"`
}

// Beat says that the worker lives and returns all that were seen within alive, itself among them, the eldest first.
func (d *DB) Beat(ctx context.Context, w WorkerState, alive time.Duration) ([]WorkerState, error) {
	state, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode worker: %w", err)
	}
	res, err := d.sql.ExecContext(ctx, "UPDATE workers SET seen_ms = "+d.dia.NowMS+", share = ?, state_json = ? WHERE id = ?", w.Share, string(state), w.ID[:])
	if err != nil {
		return nil, fmt.Errorf("beat: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		_, err := d.sql.ExecContext(ctx, "INSERT INTO workers (id, seen_ms, share, state_json) VALUES (?, "+d.dia.NowMS+", ?, ?)"+
			d.dia.Upsert("workers", "id", "seen_ms = new.seen_ms"), w.ID[:], w.Share, string(state))
		if err != nil {
			return nil, fmt.Errorf("first beat: %w", err)
		}
	}
	return d.Workers(ctx, alive)
}

// Workers returns the workers that were seen within alive, the eldest first.
func (d *DB) Workers(ctx context.Context, alive time.Duration) ([]WorkerState, error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT id, seen_ms, share, state_json FROM workers WHERE seen_ms > "+d.dia.NowMS+" - ? ORDER BY id", alive.Milliseconds())
	if err != nil {
		return nil, fmt.Errorf("read workers: %w", err)
	}
	defer rows.Close()
	var list []WorkerState
	for rows.Next() {
		var w WorkerState
		var state []byte
		if err := rows.Scan(into16{&w.ID}, &w.SeenMS, &w.Share, &state); err != nil {
			return nil, fmt.Errorf("read workers: %w", err)
		}
		if err := json.Unmarshal(state, &w); err != nil {
			return nil, fmt.Errorf("decode worker: %w", err)
		}
		list = append(list, w)
	}
	return list, rows.Err()
}

// Leave says that the worker ends: the others take over its share at once.
func (d *DB) Leave(ctx context.Context, id [16]byte) error {
	if _, err := d.sql.ExecContext(ctx, "DELETE FROM workers WHERE id = ?", id[:]); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}

// ForgetWorkers removes the rows of workers that were not seen for a day.
func (d *DB) ForgetWorkers(ctx context.Context) error {
	if _, err := d.sql.ExecContext(ctx, "DELETE FROM workers WHERE seen_ms < "+d.dia.NowMS+" - 86400000"); err != nil {
		return fmt.Errorf("forget workers: %w", err)
	}
	return nil
}
