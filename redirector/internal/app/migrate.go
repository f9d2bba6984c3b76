package app

import (
	"context"
	"fmt"
	"time"

	"longtail/shared/maintain"
	"longtail/shared/storage"
)

// Migrate brings the schema up to this program, makes the default domain, and the day partitions of the next week. It is
// safe to run again and on several machines at once.
func Migrate(ctx context.Context, db *storage.DB, host string) error {
	if err := db.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := db.EnsureDefaultDomain(ctx, host); err != nil {
		return fmt.Errorf("make the default domain %s: %w", host, err)
	}
	return db.EnsurePartitions(ctx, time.Now(), maintain.DaysAhead)
}
