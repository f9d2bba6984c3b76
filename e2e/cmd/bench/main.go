// Command bench measures Longtail beside references on this machine and prints one table: each line is a name, ours, the
// reference, and ours divided by the reference. It needs the built programs (make bench builds them).
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"longtail/e2e/bench"
	"longtail/e2e/stack"
)

type commands struct {
	Run      runCommand    `cmd:"" default:"withargs" help:"Measure and print the table."`
	Results  volumeCommand `cmd:"" help:"Latency of figures at a million clicks and at ten, and an export of the first million."`
	ServeGin ginCommand    `cmd:"" name:"serve-gin" help:"Serve a constant 302 from a bare gin: to compare with."`
}

type runCommand struct {
	Rounds  int    `default:"3" help:"Rounds of each contender."`
	Seconds int    `default:"8" help:"How long the load of one round goes on."`
	Only    string `help:"One group alone: front, ingest or pipeline."`
	Profile string `placeholder:"PREFIX" help:"Write CPU profiles of the programs, taken during one more round, to PREFIX-GROUP-PROGRAM.pprof."`
	Nice    int    `default:"0" help:"Priority of this session while a round goes on: -15 puts it ahead of what else the machine does (root, Linux with autogroups)."`
	Against string `type:"existingfile" help:"Another build of the redirector, which takes turns with ours in the group front."`
}

// Validate is called by kong.
func (r *runCommand) Validate() error {
	if r.Rounds < 1 || r.Seconds < 1 {
		return errors.New("--rounds and --seconds must be above 0")
	}
	if r.Only == "" || slices.Contains(bench.Groups(), r.Only) {
		return nil
	}
	return fmt.Errorf("--only: one of %v", bench.Groups())
}

// Run is called by kong.
func (r *runCommand) Run(ctx context.Context) error {
	if err := stack.Install(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	naive, err := stack.Binary("campaign")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "longtail-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	profile := r.Profile
	if profile != "" {
		if profile, err = filepath.Abs(profile); err != nil {
			return err
		}
	}
	return bench.Run(ctx, os.Stdout, bench.Options{
		Rounds: r.Rounds, Round: time.Duration(r.Seconds) * time.Second, Only: r.Only, Profile: profile, Against: r.Against, Nice: r.Nice,
		Dir: dir, Self: self, Naive: naive, Log: os.Stderr,
	})
}

type ginCommand struct {
	Addr string `required:"" help:"Where to serve."`
}

// Run is called by kong. No timeouts: that is how gin's own Run serves, and each of them costs something.
func (g *ginCommand) Run() error {
	return http.ListenAndServe(g.Addr, bench.BareGin()) //nolint:gosec // a reference that lives for a minute on 127.0.0.1
}

func main() {
	var c commands
	k := kong.Parse(&c, kong.Name("bench"), kong.Description("Longtail's speed beside references."), kong.UsageOnError())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { <-ctx.Done(); stop() }() // a second Ctrl-C ends at once
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
