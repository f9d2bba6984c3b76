package command

import (
	"context"
	"fmt"
	"os"
	"time"

	"longtail/redirector/internal/app"
	"longtail/shared/config"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
)

// openLimit bounds how long a command waits for the database.
const openLimit = 10 * time.Second

// store opens the database for one command.
func store(ctx context.Context, f *config.StoreFlags) (*storage.DB, error) {
	var p config.Problems
	dsn := f.Parse(&p).DSN
	if err := p.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	return storage.Open(ctx, storage.Options{DSN: dsn, Log: telemetry.NewLog(os.Stderr, "")})
}

type migrateCommand struct {
	config.StoreFlags
	config.PublicFlags
}

// Run migrates and makes the default domain of the public URL.
func (c *migrateCommand) Run(ctx context.Context) error {
	var p config.Problems
	public := c.PublicFlags.Parse(&p)
	if err := p.Err(); err != nil {
		return err
	}
	db, err := store(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := app.Migrate(ctx, db, public.URL.Hostname()); err != nil {
		return err
	}
	fmt.Println("the schema is up to date")
	return nil
}
