package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/stack"
)

// wrk is the closed-loop load generator: for each request it needs half of the CPU time that load does, so on one core it
// saturates what is measured on the other. Everybody gets the same bytes.
type wrk struct {
	path, script string
	connections  int
}

// script makes each thread of wrk go through the requests of a file, which end where an empty line does.
const script = `local requests, n = {}, 0
for r in assert(io.open(%q, "rb")):read("*a"):gmatch("(.-\r\n\r\n)") do requests[#requests + 1] = r end
function request()
  n = n %% #requests + 1
  return requests[n]
end
function done(s, latency)
  local e = s.errors
  io.write(string.format("\nsummary %%d %%d %%d %%d\n", s.requests, s.duration, e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99)))
end
`

// newWrk writes the first n requests of clicks down in dir.
func newWrk(dir string, clicks load.Clicks, n, connections int) (*wrk, error) {
	path, err := stack.Tool("wrk")
	if err != nil {
		return nil, err
	}
	var requests []byte
	for i := range n {
		requests = clicks.AppendRequest(requests, i)
	}
	w := &wrk{path: path, script: filepath.Join(dir, "requests.lua"), connections: connections}
	file := filepath.Join(dir, "requests.http")
	return w, errors.Join(os.WriteFile(file, requests, 0o600), os.WriteFile(w.script, fmt.Appendf(nil, script, file), 0o600))
}

// fired is what wrk tells of a run.
type fired struct {
	answers float64 // whole ones with a status below 400
	took    time.Duration
	p99     time.Duration
}

// fire loads a port for a round.
func (w *wrk) fire(ctx context.Context, o Options, port int) (f fired, err error) {
	err = ahead(o, func() error {
		f, err = w.run(ctx, port, o)
		return err
	})
	return f, err
}

// run counts an answer that is none, or an error, as an error.
func (w *wrk) run(ctx context.Context, port int, o Options) (f fired, err error) {
	cmd := exec.CommandContext(ctx, w.path, "-t1", "-c"+strconv.Itoa(w.connections), "-d"+strconv.Itoa(max(1, int(o.Round.Seconds())))+"s",
		"-s", w.script, fmt.Sprintf("http://127.0.0.1:%d/", port))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return f, fmt.Errorf("wrk: %w: %s", err, out)
	}
	_, summary, found := bytes.Cut(out, []byte("\nsummary "))
	var requests, micros, failed, p99 int64
	if _, err := fmt.Sscan(string(summary), &requests, &micros, &failed, &p99); !found || err != nil {
		return f, fmt.Errorf("wrk told nothing: %w: %s", err, out)
	}
	if failed > 0 || requests == 0 {
		return f, fmt.Errorf("wrk: %d of %d requests failed: %s", failed, requests, strings.TrimSpace(string(out)))
	}
	return fired{float64(requests), time.Duration(micros) * time.Microsecond, time.Duration(p99) * time.Microsecond}, nil
}

// rate is answers a second.
func (f fired) rate() float64 { return f.answers / f.took.Seconds() }
