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

// dsn returns where the database is.
func dsn(f *config.StoreFlags) (string, error) {
	var p config.Problems
	text := f.Parse(&p).DSN
	return text, p.Err()
}

// store opens the database for one command.
func store(ctx context.Context, f *config.StoreFlags) (*storage.DB, error) {
	text, err := dsn(f)
	if err != nil {
		return nil, err
	}
	return storage.OpenNow(ctx, storage.Options{DSN: text, Log: telemetry.NewLog(os.Stderr, "")})
}

// migrateLimit bounds a migration, which waits for another one that runs.
const migrateLimit = 10 * time.Minute

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
	text, err := dsn(&c.StoreFlags)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, migrateLimit)
	defer cancel()
	db, err := storage.Open(ctx, storage.Options{DSN: text, AnswerWithin: migrateLimit, Log: telemetry.NewLog(os.Stderr, "")})
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
