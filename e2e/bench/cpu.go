package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"longtail/e2e/stack"
)

// tick is what /proc/PID/stat counts in, on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpu is the time that all threads of a process have used, in the kernel and outside.
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name of the program stands in parentheses and may hold anything; utime and stime are fields 14 and 15.
	_, rest, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')'):], []byte(" "))
	fields := bytes.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("process %d: cannot read %q", pid, text)
	}
	sum := 0
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(string(field))
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		sum += n
	}
	return time.Duration(sum) * tick, nil
}

// A usage is the CPU time of processes by name.
type usage map[string]time.Duration

func usageOf(processes ...*stack.Process) (usage, error) {
	u := usage{}
	for _, p := range processes {
		used, err := cpu(p.PID())
		if err != nil {
			return nil, fmt.Errorf("CPU time of %s: %w", p.Name, err)
		}
		u[p.Name] += used
	}
	return u, nil
}

// micros is what a process used since then, in microseconds for each of n.
func (u usage) micros(since usage, name string, n float64) float64 {
	return float64((u[name] - since[name]).Microseconds()) / n
}

// pin binds all threads of a process, and those that it will make, to one core.
func pin(ctx context.Context, core int, pids ...int) error {
	for _, pid := range pids {
		out, err := exec.CommandContext(ctx, "taskset", "-a", "-c", "-p", strconv.Itoa(core), strconv.Itoa(pid)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("bind process %d to core %d: %w: %s", pid, core, err, out)
		}
	}
	return nil
}
