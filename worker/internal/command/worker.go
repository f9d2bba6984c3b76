// Package command is what can be asked of the worker on the command line: it checks the settings and calls the room
// that does the work.
package command

import (
	"context"
	"os"

	"github.com/alecthomas/kong"

	"longtail/shared/config"
	"longtail/shared/storage"
	"longtail/shared/telemetry"
	"longtail/worker/internal/app"
)

type worker struct {
	Run        runCommand        `cmd:"" help:"Store clicks."`
	Status     statusCommand     `cmd:"" help:"The pipeline: what arrives, what waits where, who works."`
	Deadletter deadletterCommand `cmd:"" help:"Clicks that were set aside."`
	Trace      traceCommand      `cmd:"" help:"Why is this click, or this link's clicks, not in my figures?"`
	Audit      auditCommand      `cmd:"" help:"Compare every rollup with the rows; exit status 1 when a cell differs."`
	Rebuild    rebuildCommand    `cmd:"" help:"Compute a day's rollups again from the rows."`
	Takeback   takebackCommand   `cmd:"" help:"Put messages of a newer format, set aside by an older worker, back into the queue."`
	Health     telemetry.Health  `cmd:"" help:"Ask the running worker whether it is ready; exit status 0 or 1."`
}

// Worker runs the worker's command line and returns its exit status.
func Worker() int {
	return config.Run("worker", "Longtail's worker: stores clicks at the pace that somebody chose.",
		&worker{}, kong.Vars{"debug_addr": "127.0.0.1:8083"})
}

type runCommand struct {
	config.DebugFlags
	config.StoreFlags
	config.BrokerFlags
	config.PoolFlags
	config.RetentionFlags
}

// Run stores clicks until ctx ends.
func (c *runCommand) Run(ctx context.Context) error {
	var p config.Problems
	o := app.Options{
		Debug: c.DebugFlags.Parse(&p), DSN: c.StoreFlags.Parse(&p).DSN, BrokerURL: c.BrokerFlags.Parse(&p).URLs,
		Pool: c.PoolFlags.Parse(&p), Retention: c.RetentionFlags.Parse(&p), Secrets: config.ReadSecrets(&p),
	}
	o.Secrets.RequireSecret(&p)
	if err := p.Err(); err != nil {
		return err
	}
	o.Log = telemetry.NewLog(os.Stderr, o.Debug.Log)
	defer telemetry.Ballast()()
	return app.Run(ctx, o)
}

// open opens the database for one command.
func open(ctx context.Context, f *config.StoreFlags) (*storage.DB, error) {
	var p config.Problems
	dsn := f.Parse(&p).DSN
	if err := p.Err(); err != nil {
		return nil, err
	}
	return storage.OpenNow(ctx, storage.Options{DSN: dsn, Log: telemetry.NewLog(os.Stderr, "")})
}
