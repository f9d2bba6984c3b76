package loader

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // the tables are parted over a connection of our own
)

// dated are the tables cut by day.
var dated = []string{"clicks", "link_minutes"}

// openDays gives the tables the partitions of past days, which an installation of that age has: workers make those of the
// days to come only. SQLite has none.
func openDays(ctx context.Context, dsn string, now time.Time, days int) error {
	if strings.HasPrefix(dsn, "sqlite:") {
		return nil
	}
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return err
	}
	oldest := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days-1)
	for _, table := range dated {
		if err == nil {
			err = split(ctx, db, table, oldest)
		}
	}
	return errors.Join(err, db.Close())
}

// split cuts a table's first partition into one for each day from the oldest one on.
func split(ctx context.Context, db *sql.DB, table string, oldest time.Time) error {
	var name, below string
	err := db.QueryRowContext(ctx, `SELECT PARTITION_NAME, PARTITION_DESCRIPTION FROM information_schema.PARTITIONS
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY PARTITION_ORDINAL_POSITION LIMIT 1`, table).Scan(&name, &below)
	if err != nil {
		return fmt.Errorf("read the partitions of %s: %w", table, err)
	}
	end, err := time.Parse("20060102", below)
	if err != nil {
		return fmt.Errorf("%s has no partition of a day yet: start a worker on it once", table)
	}
	var parts []string
	for day := oldest; day.Before(end); day = day.AddDate(0, 0, 1) {
		parts = append(parts, fmt.Sprintf("PARTITION p%s VALUES LESS THAN (%s)", day.Format("20060102"), day.AddDate(0, 0, 1).Format("20060102")))
	}
	if len(parts) < 2 { // it reaches back as far already
		return nil
	}
	_, err = db.ExecContext(ctx, "ALTER TABLE "+table+" REORGANIZE PARTITION "+name+" INTO ("+strings.Join(parts, ", ")+")")
	return err
}
