// Package command is what can be asked of the redirector and of allinone on the command line: it checks the settings and
// calls the room that does the work.
package command

import (
	"context"
	"os"

	"github.com/alecthomas/kong"

	"longtail/redirector/internal/app"
	"longtail/shared/config"
	"longtail/shared/telemetry"
)

type redirector struct {
	Serve     serveCommand     `cmd:"" help:"Answer clicks and the API."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database's schema up to this program."`
	Keys      keysCommand      `cmd:"" help:"API keys."`
	Spool     spoolCommand     `cmd:"" help:"The clicks on this machine's disk."`
	Instances instancesCommand `cmd:"" help:"Redirectors that the database knows."`
	Rewrite   rewriteCommand   `cmd:"" help:"Show what rewriting would change in a mail."`
	Health    telemetry.Health `cmd:"" help:"Ask the running redirector whether it is ready; exit status 0 or 1."`
}

// Redirector runs the redirector's command line and returns its exit status.
func Redirector() int {
	return config.Run("redirector", "Longtail's redirector: answers clicks from memory, Redis or MySQL, and hands them on.",
		&redirector{}, kong.Vars{"debug_addr": "127.0.0.1:8082"})
}

type serveCommand struct {
	config.PublicFlags
	config.APIFlags
	config.DebugFlags
	config.SpoolFlags
	config.CacheFlags
	config.RedisFlags
	config.StoreFlags
	config.BrokerFlags
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context) error {
	var p config.Problems
	o := app.Options{
		Public: c.PublicFlags.Parse(&p), API: c.APIFlags.Parse(&p), Debug: c.DebugFlags.Parse(&p), Spool: c.SpoolFlags.Parse(&p),
		CacheBytes: c.CacheFlags.Parse(&p).Bytes, RedisURL: c.RedisFlags.Parse(&p), DSN: c.StoreFlags.Parse(&p).DSN,
		BrokerURL: c.BrokerFlags.Parse(&p).URLs, Secrets: config.ReadSecrets(&p),
	}
	o.Secrets.RequireSecret(&p)
	if err := p.Err(); err != nil {
		return err
	}
	o.Log = telemetry.NewLog(os.Stderr, o.Debug.Log)
	defer telemetry.Ballast()()
	return app.Run(ctx, o)
}
