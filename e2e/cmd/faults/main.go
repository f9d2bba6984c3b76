// Command faults runs every test that kills, freezes or cuts something, at full size, and makes one table of what struck
// and what came of it. It is a runner of go test: the tests are where their subjects are, and print a row each.
//
//	faults --seed 7 --only D1,C7
//
// The exit status is 1 when a test failed, when a row shows a loss or no fault that struck, or when a row is missing.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

type options struct {
	Seed uint64 `help:"Decides everything that is left to chance; the same seed, the same faults. By default a new one."`
	Only string `help:"Ids, separated by commas, such as D1,C7."`
	Part bool   `help:"The small part that make test runs."`
}

func main() {
	var o options
	kong.Parse(&o, kong.Description("Every fault, and what came of it."))
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixMilli() % 1_000_000) //nolint:gosec // positive
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, o)
	stop()
	os.Exit(status)
}

// run runs all tests and returns the exit status.
func run(ctx context.Context, o options) int {
	wanted, err := choose(o.Only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	begin := time.Now()
	fmt.Printf("seed %d\n", o.Seed)
	var found results
	for _, g := range groups {
		if ids := g.of(wanted); len(ids) > 0 {
			found.join(g.test(ctx, o, ids))
		}
	}
	found.print(os.Stdout, wanted)
	fmt.Printf("seed %d, %v\n", o.Seed, time.Since(begin).Round(time.Second))
	if bad := found.broken(wanted); len(bad) > 0 {
		fmt.Fprintln(os.Stderr, strings.Join(bad, "\n"))
		return 1
	}
	return 0
}
