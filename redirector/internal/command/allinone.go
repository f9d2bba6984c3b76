package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"longtail/redirector/internal/app"
	"longtail/shared/config"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
)

type allinone struct {
	Serve  allinoneServe    `cmd:"" default:"withargs" help:"Answer clicks, count them, serve the API: everything in one process."`
	Health telemetry.Health `cmd:"" help:"Ask the running process whether it is ready; exit status 0 or 1."`
}

// AllInOne runs allinone's command line and returns its exit status.
func AllInOne() int {
	return config.Run("allinone", "Longtail in one process: nothing to install, nothing to set.",
		&allinone{}, kong.Vars{"debug_addr": "127.0.0.1:8082"})
}

type allinoneServe struct {
	config.PublicFlags
	config.APIFlags
	config.DebugFlags
	config.SpoolFlags
	config.CacheFlags
	config.PoolFlags
	config.RetentionFlags
}

// Run serves until ctx ends. What it needs and does not find it makes under the data folder.
func (c *allinoneServe) Run(ctx context.Context) error {
	var p config.Problems
	o := app.Options{
		Public: c.PublicFlags.Parse(&p), API: c.APIFlags.Parse(&p), Debug: c.DebugFlags.Parse(&p), Spool: c.SpoolFlags.Parse(&p),
		CacheBytes: c.CacheFlags.Parse(&p).Bytes, Pool: c.PoolFlags.Parse(&p), Retention: c.RetentionFlags.Parse(&p), Secrets: config.ReadSecrets(&p),
	}
	if err := p.Err(); err != nil {
		return err
	}
	o.Log = telemetry.NewLog(os.Stderr, o.Debug.Log)
	first, err := c.prepare(ctx, &o)
	if err != nil {
		return err
	}
	o.Started = func() { fmt.Print(banner(&o, first)) }
	defer telemetry.Ballast()()
	return app.Run(ctx, o)
}

// prepare makes the data folder, the secrets and the tables. first is the new API key, "" if there was one.
func (c *allinoneServe) prepare(ctx context.Context, o *app.Options) (first string, err error) {
	dir := o.Spool.DataDir
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("LONGTAIL_DATA_DIR: %w", err)
	}
	if o.Secrets.Secret == nil {
		secret, _, err := keptSecret(filepath.Join(dir, "secret"), newSecret)
		if err != nil {
			return "", err
		}
		o.Secrets.Secret = []byte(secret)
	}
	if o.Secrets.Bootstrap == "" {
		key, made, err := keptSecret(filepath.Join(dir, "api-key"), newSecret)
		if err != nil {
			return "", err
		}
		if o.Secrets.Bootstrap = key; made {
			first = key
		}
	}
	o.DSN = "sqlite:" + filepath.Join(dir, "longtail.db")
	db, err := storage.Open(ctx, storage.Options{DSN: o.DSN, Log: o.Log})
	if err != nil {
		return "", err
	}
	return first, errors.Join(app.Migrate(ctx, db, o.Public.URL.Hostname()), db.Close())
}
