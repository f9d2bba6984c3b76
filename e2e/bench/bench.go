// Package bench measures how fast Longtail is, each figure beside a reference that was measured on the same machine in
// the same minutes: ours and the reference take turns, and medians are told. It starts real processes. It never fails for
// a timing; it fails when a click is lost.
package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Options of the benchmarks.
type Options struct {
	Rounds  int           // of each contender
	Round   time.Duration // how long the load of one round goes on
	Only    string        // the group that is measured; empty: all of them
	Profile string        // prefix of files to which CPU profiles of our programs are written; empty: none
	Against string        // another build of the redirector, which takes turns with ours in front; empty: none
	Nice    int           // below 0: rounds run ahead of whatever else the machine does
	Dir     string        // where everything is kept meanwhile
	Self    string        // the program whose command serve-gin --addr serves a bare gin
	Naive   string        // the program whose command serve-naive --addr serves the naive design
	Log     io.Writer     // progress
}

// A group measures its lines.
type group struct {
	name    string
	measure func(context.Context, Options) ([]line, error)
}

// groups in the order of the table.
var groups = []group{{"front", front}, {"ingest", ingestion}, {"pipeline", pipeline}}

// Groups are the names that Options.Only takes.
func Groups() []string {
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	return names
}

// Run measures and prints one table. Each of its lines is a name, ours, the reference, and ours divided by the reference.
func Run(ctx context.Context, out io.Writer, o Options) error {
	start, before := time.Now(), busyness()
	var lines []line
	for _, g := range groups {
		if o.Only != "" && o.Only != g.name {
			continue
		}
		sub := o
		sub.Dir = filepath.Join(o.Dir, g.name)
		found, err := g.measure(ctx, sub)
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		lines = append(lines, found...)
	}
	if err := printTable(out, lines); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d rounds of %v, taking turns; medians, and the median of the rounds' ratios. %d CPUs; load %s before, %v in all.\n",
		o.Rounds, o.Round, runtime.NumCPU(), before, time.Since(start).Round(time.Second))
	return err
}

// busyness is the machine's load average of the last minute.
func busyness() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}
