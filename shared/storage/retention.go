package storage

import (
	"context"
	"database/sql"
	"fmt"
)

// The table retention: the first days that are still kept. A floor is raised before anything below it is dropped, and
// every ingest transaction holds the floors shared while it runs: none inserts a click whose day goes away meanwhile.
const (
	floorClicks  = 1
	floorMinutes = 2
	rebuildLock  = 3 // one rebuild at a time
)

type floors struct{ clicks, minutes int32 }

func (d *DB) holdFloors(ctx context.Context, tx *sql.Tx) (f floors, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT floor_day FROM retention WHERE id IN (1, 2) ORDER BY id"+d.dia.ForShare)
	if err != nil {
		return f, fmt.Errorf("hold retention floors: %w", err)
	}
	days, err := collect(rows, func(day *int32) []any { return []any{day} })
	if err == nil && len(days) != 2 {
		err = fmt.Errorf("%w: the table retention has lost its rows", ErrBug)
	}
	if err != nil {
		return f, err
	}
	return floors{days[0], days[1]}, nil
}

// RetentionFloor returns the first UTC day (yyyymmdd) whose clicks are still kept. An older click cannot be stored: it
// was perhaps stored before, and would be counted again.
func (d *DB) RetentionFloor(ctx context.Context) (day int32, err error) {
	err = d.sql.QueryRowContext(ctx, "SELECT floor_day FROM retention WHERE id = ?", floorClicks).Scan(&day)
	return day, err
}
