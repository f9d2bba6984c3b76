package volume

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// parser reads CSV with Python's own module: another program than the one that wrote it. It tells the header, the rows,
// those that have not as many columns, those whose id is the one before, and the cells that a spreadsheet takes for formulas.
const parser = `
import csv, io, json, sys
rows = csv.reader(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="surrogateescape", newline=""))
header = next(rows)
n = ragged = twice = formulas = 0
before = None
for row in rows:
    n += 1
    ragged += len(row) != len(header)
    twice += row[0] == before
    formulas += any(cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20") for cell in row if cell)
    before = row[0]
json.dump({"header": ",".join(header), "rows": n, "ragged": ragged, "twice": twice, "formulas": formulas}, sys.stdout)
`

// header is fixed: other people's programs read it.
const header = "id,time,domain,code,campaign,recipient,token,method,class,ip,user_agent,referrer,url"

// parsed is what the parser tells.
type parsed struct {
	Header                        string
	Rows, Ragged, Twice, Formulas int
}

// export streams all clicks as CSV into the parser, and looks at the server's memory meanwhile.
func (s *site) export(ctx context.Context) error {
	pid := s.cluster.Redirectors[0].PID()
	before, err := resident(pid)
	if err != nil {
		return err
	}
	peak := watchMemory(ctx, pid)
	begin := time.Now()
	res, err := s.open(ctx, "/api/v1/clicks?format=csv")
	if err != nil {
		return errors.Join(err, peak.end())
	}
	defer res.Body.Close()
	size := &counter{r: res.Body}
	python := exec.CommandContext(ctx, "python3", "-c", parser)
	var text, complaint bytes.Buffer
	python.Stdin, python.Stdout, python.Stderr = size, &text, &complaint
	if err := python.Run(); err != nil {
		return errors.Join(fmt.Errorf("python3: %w: %s", err, complaint.String()), peak.end())
	}
	took := time.Since(begin)
	if err := peak.end(); err != nil {
		return err
	}
	var p parsed
	if err := json.Unmarshal(text.Bytes(), &p); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "export as CSV, read by python3: %d rows, %.0f MB in %v, %.0f a second; the redirector's memory %.1f MB before, %.1f MB at most\n",
		p.Rows, float64(size.n)/1e6, took.Round(time.Second), float64(p.Rows)/took.Seconds(), mb(before), mb(peak.most))
	if want := (parsed{Header: header, Rows: s.clicks}); p != want {
		return fmt.Errorf("the parser read %+v; want %+v", p, want)
	}
	return nil
}

func mb(b int64) float64 { return float64(b) / 1e6 }

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// lookEvery is how often a process' memory is looked at.
const lookEvery = 50 * time.Millisecond

// A memory watch remembers the most that a process had.
type memoryWatch struct {
	stop    context.CancelFunc
	running sync.WaitGroup
	most    int64
	err     error
}

func watchMemory(ctx context.Context, pid int) *memoryWatch {
	ctx, stop := context.WithCancel(ctx)
	w := &memoryWatch{stop: stop}
	w.running.Go(func() {
		ticks := time.NewTicker(lookEvery)
		defer ticks.Stop()
		for w.err == nil {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			var now int64
			now, w.err = resident(pid)
			w.most = max(w.most, now)
		}
	})
	return w
}

func (w *memoryWatch) end() error {
	w.stop()
	w.running.Wait()
	return w.err
}

// resident is the memory of a process that is in the machine's, in bytes.
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}
