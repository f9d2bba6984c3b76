package storage

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"longtail/shared/click"
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

// minutesKept is how many days link_minutes reaches back.
const minutesKept = 35

// DropExpired drops the clicks of days before floorDay (yyyymmdd), and the minutes older than 35 days. Each floor is
// raised and committed first, so that from then on no transaction inserts below it; what arrives later is a dead letter
// "expired". Rollups by quarter and totals stay.
func (d *DB) DropExpired(ctx context.Context, floorDay int32) error {
	now, err := d.NowMS(ctx)
	if err != nil {
		return err
	}
	if err := d.dropBelow(ctx, "clicks", floorClicks, floorDay); err != nil {
		return err
	}
	return d.dropBelow(ctx, "link_minutes", floorMinutes, click.Day(now-minutesKept*24*3600*1000))
}

func (d *DB) dropBelow(ctx context.Context, table string, floor int, day int32) error {
	err := d.writeAgain(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE retention SET floor_day = "+d.dia.Expr("retention", "GREATEST(floor_day, ?)")+" WHERE id = ?", day, floor)
		return err
	})
	if err == nil {
		err = d.sql.QueryRowContext(ctx, "SELECT floor_day FROM retention WHERE id = ?", floor).Scan(&day)
	}
	if err != nil {
		return fmt.Errorf("raise the floor of %s: %w", table, err)
	}
	if !d.dia.Partitions {
		return d.deleteBelow(ctx, table, day)
	}
	return d.alter(ctx, func() (string, error) {
		have, err := d.partitions(ctx, table)
		var names []string
		for _, p := range have {
			if p.below <= day {
				names = append(names, p.name)
			}
		}
		if err != nil || names == nil {
			return "", err
		}
		return "ALTER TABLE " + table + " DROP PARTITION " + strings.Join(names, ", "), nil
	})
}

// deleteBelow deletes in chunks, so that the one writer of SQLite is never away for long.
func (d *DB) deleteBelow(ctx context.Context, table string, day int32) error {
	key := map[string]string{"clicks": "campaign_id, event_id, day", "link_minutes": "campaign_id, link_id, minute, class, day"}[table]
	for n := int64(1); n > 0; {
		err := d.writeAgain(ctx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE ("+key+") IN (SELECT "+key+" FROM "+table+" WHERE day < ? LIMIT 2000)", day)
			if err != nil {
				return err
			}
			n, err = result.RowsAffected()
			return err
		})
		if err != nil {
			return fmt.Errorf("delete from %s below %d: %w", table, day, err)
		}
	}
	return nil
}
