package command

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"longtail/redirector/internal/app"
	"longtail/shared/config"
	"longtail/shared/telemetry"
)

type spoolCommand struct {
	Drain spoolDrain `cmd:"" help:"Hand over the clicks that a dead redirector left in a data folder. What a living one holds is left to it, and named in an error."`
}

type spoolDrain struct {
	config.StoreFlags
	config.BrokerFlags
	config.SpoolFlags
}

// Run adopts every free slot under the data folder, publishes what is in it and signs it off. Running it twice adds
// nothing.
func (c *spoolDrain) Run(ctx context.Context) error {
	var p config.Problems
	o := app.Options{
		Spool: c.SpoolFlags.Parse(&p), DSN: c.StoreFlags.Parse(&p).DSN, BrokerURL: c.BrokerFlags.Parse(&p).URLs,
		Log: telemetry.NewLog(os.Stderr, ""),
	}
	if err := p.Err(); err != nil {
		return err
	}
	// A mistyped folder would be made, found empty and reported as drained.
	if _, err := os.Stat(filepath.Join(o.Spool.DataDir, "spool")); err != nil {
		return fmt.Errorf("no redirector wrote in this folder: %w", err)
	}
	return app.Drain(ctx, o)
}
