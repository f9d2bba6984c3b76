package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"longtail/shared/storage/dialect"
	"longtail/shared/storage/migrations"
)

// daysAhead is how many days of partitions Migrate makes, beyond today.
const daysAhead = 8

// Migrate brings the schema up to this program's version. It may run in several processes at once (a lock in the
// database lets one work), and again after it failed half-way.
func (d *DB) Migrate(ctx context.Context) error {
	provider, err := d.steps(true)
	if err != nil {
		return err
	}
	if err := d.newerThan(ctx, provider); err != nil {
		return err
	}
	done, err := d.stepUp(ctx, provider)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if len(done) > 0 {
		d.log.Info("schema migrated", "steps", len(done), "version", done[len(done)-1].Source.Version)
	}
	return d.EnsurePartitions(ctx, time.Now(), daysAhead)
}

// CheckSchema tells whether the schema is the one this program was built for. It changes nothing. The error is
// ErrSchema if the schema is newer, older or not there.
func (d *DB) CheckSchema(ctx context.Context) error {
	provider, err := d.steps(false)
	if err != nil {
		return err
	}
	has, want, err := d.schemaVersion(ctx, provider)
	switch {
	case err != nil:
		return err
	case has == 0:
		return fmt.Errorf("%w: it was never migrated; run migrate", ErrSchema)
	case has < want:
		return fmt.Errorf("%w: it is at %d, this program needs %d; run migrate", ErrSchema, has, want)
	case has > want:
		return fmt.Errorf("%w: it is at %d, this program knows up to %d; use a newer program", ErrSchema, has, want)
	}
	return nil
}

// stepUp applies what is missing. On SQLite, which has no lock for it, another process may take a step away: whoever
// lost tries again as long as the version rises.
func (d *DB) stepUp(ctx context.Context, provider *goose.Provider) ([]*goose.MigrationResult, error) {
	for last := int64(-1); ; {
		done, err := provider.Up(ctx)
		if err == nil || d.dia.Name != dialect.SQLite {
			return done, err
		}
		has, _, versionErr := d.schemaVersion(ctx, provider)
		if versionErr != nil || has <= last {
			return nil, errors.Join(err, versionErr)
		}
		last = has
	}
}

func (d *DB) newerThan(ctx context.Context, provider *goose.Provider) error {
	has, want, err := d.schemaVersion(ctx, provider)
	if err == nil && has > want {
		err = fmt.Errorf("%w: it is at %d, this program knows up to %d; use a newer program", ErrSchema, has, want)
	}
	return err
}

// schemaVersion reads the version without making goose's table.
func (d *DB) schemaVersion(ctx context.Context, provider *goose.Provider) (has, want int64, err error) {
	sources := provider.ListSources()
	want = sources[len(sources)-1].Version
	err = d.sql.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+goose.DefaultTablename).Scan(&has)
	if d.dia.Kind(err) == dialect.Schema {
		return 0, want, nil // no such table
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read schema version: %w", err)
	}
	return has, want, nil
}

func (d *DB) steps(locked bool) (*goose.Provider, error) {
	name, folder := goose.DialectMySQL, "mysql"
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithSlog(d.log)}
	if d.dia.Name == dialect.SQLite {
		name, folder = goose.DialectSQLite3, "sqlite"
	} else if locked {
		locker, err := lock.NewMySQLTableLocker(lock.WithTableLockTimeout(time.Second, 300))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithLocker(locker))
	}
	provider, err := goose.NewProvider(name, d.sql, migrations.FS(folder), options...)
	if err != nil {
		return nil, errors.Join(ErrSchema, err)
	}
	return provider, nil
}
