package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"longtail/shared/click"
)

// The tables cut by day on MySQL and MariaDB. Partition pYYYYMMDD holds one UTC day; pmax stands behind them and stays
// empty, so that a day is split off it without copying a row.
var partitioned = []string{"clicks", "link_minutes"}

// EnsurePartitions makes the day partitions up to days after now's UTC day. It is harmless to repeat and to run in
// several workers at once. On SQLite there is nothing to do.
func (d *DB) EnsurePartitions(ctx context.Context, now time.Time, days int) error {
	if !d.dia.Partitions {
		return nil
	}
	for _, table := range partitioned {
		err := d.alter(ctx, func() (string, error) { return d.splitMax(ctx, table, now, days) })
		if err != nil {
			return fmt.Errorf("partitions of %s: %w", table, err)
		}
	}
	return nil
}

// splitMax returns the statement that makes what is missing, or "".
func (d *DB) splitMax(ctx context.Context, table string, now time.Time, days int) (string, error) {
	have, err := d.partitions(ctx, table)
	if err != nil {
		return "", err
	}
	today := now.UTC().Truncate(24 * time.Hour)
	day := today.AddDate(0, 0, -1)
	if len(have) > 0 {
		day = dayTime(have[len(have)-1].below)
	}
	var parts []string
	for last := today.AddDate(0, 0, days); !day.After(last); day = day.AddDate(0, 0, 1) {
		next := click.Day(day.AddDate(0, 0, 1).UnixMilli())
		parts = append(parts, fmt.Sprintf("PARTITION p%d VALUES LESS THAN (%d)", click.Day(day.UnixMilli()), next))
	}
	if parts == nil {
		return "", nil
	}
	parts = append(parts, "PARTITION pmax VALUES LESS THAN MAXVALUE")
	return fmt.Sprintf("ALTER TABLE %s REORGANIZE PARTITION pmax INTO (%s)", table, strings.Join(parts, ", ")), nil
}

// dayTime returns the beginning of a day written as yyyymmdd.
func dayTime(day int32) time.Time {
	return time.Date(int(day/10000), time.Month(day/100%100), int(day%100), 0, 0, 0, 0, time.UTC)
}

type partition struct {
	name  string
	below int32 // holds days below this one
}

// partitions returns a table's day partitions in order, without pmax.
func (d *DB) partitions(ctx context.Context, table string) ([]partition, error) {
	rows, err := d.sql.QueryContext(ctx, `SELECT PARTITION_NAME, PARTITION_DESCRIPTION FROM information_schema.PARTITIONS
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND PARTITION_NAME <> 'pmax' ORDER BY PARTITION_ORDINAL_POSITION`, table)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(p *partition) []any { return []any{&p.name, &p.below} })
}

// How often a schema change asks for its lock, one second each time: between the tries the inserts that queue behind
// the request go on.
const alterTries = 30

// alter runs the statement that next returns, with lock_wait_timeout=1 so that inserts never queue long behind it. It
// asks next again before every try, because another worker may have done the work.
func (d *DB) alter(ctx context.Context, next func() (string, error)) error {
	conn, err := d.sql.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "SET SESSION lock_wait_timeout=1"); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "SET SESSION lock_wait_timeout=DEFAULT") }()
	for try := 1; ; try++ {
		statement, err := next()
		if err != nil || statement == "" {
			return err
		}
		if _, err = conn.ExecContext(ctx, statement); err == nil {
			return nil
		}
		if try == alterTries || ctx.Err() != nil {
			return err
		}
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// collect reads all rows into values whose places into returns.
func collect[T any](rows *sql.Rows, into func(*T) []any) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		var one T
		if err := rows.Scan(into(&one)...); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
