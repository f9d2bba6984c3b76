// Command campaign is the oracle and load generator. It creates a campaign through the API, clicks its links as a
// mailing's recipients do, with arrival times fixed in advance, waits until all is counted, and compares every click with
// its row and with every figure that is told about it. The exit status is 1 when a promise broke.
//
//	campaign --clicks 100000 --hour 60s            # against make cluster, by .cluster/env
//	campaign --compare --clicks 20000 --hour 20s   # beside the two usual designs, on the same database
//	campaign --addr http://localhost:8080 --api http://127.0.0.1:8081 --key KEY --db sqlite:data/longtail.db
//	campaign --load 1000000                        # figures at a size: clicks of past campaigns, stored without HTTP
//	campaign --addr http://localhost:9000/go       # any URL that redirects: answers and latencies only
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// errBroken is told when a promise broke.
var errBroken = errors.New("a promise broke")

type commands struct {
	Run   runCommand   `cmd:"" default:"withargs" help:"Click a campaign and compare what was answered with what is stored."`
	Serve serveCommand `cmd:"" name:"serve-naive" help:"Serve clicks as people build it first, on Longtail's tables: to compare with."`
}

func main() {
	var c commands
	k := kong.Parse(&c, kong.Name("campaign"), kong.Description("Oracle and load generator of Longtail."), kong.UsageOnError())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { <-ctx.Done(); stop() }() // a second Ctrl-C ends at once
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "campaign:", err)
		os.Exit(1)
	}
}
