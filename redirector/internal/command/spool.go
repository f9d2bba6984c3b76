package command

import (
	"context"
	"os"

	"longtail/redirector/internal/app"
	"longtail/shared/config"
	"longtail/shared/telemetry"
)

type spoolCommand struct {
	Drain spoolDrain `cmd:"" help:"Hand over the clicks that a dead redirector left in a folder. Folders that are in use are refused."`
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
	return app.Drain(ctx, o)
}
