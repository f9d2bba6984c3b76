package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// closeGrace is how long Close waits between TERM and KILL.
const closeGrace = 20 * time.Second

// readyPause lies between two looks at a service that is starting.
const readyPause = 25 * time.Millisecond

// A spec is how to start a process, the same for every incarnation.
type spec struct {
	path  string
	args  []string
	env   []string // nil = the environment of this process
	ready func(ctx context.Context) error
}

// A Process is a service or program that can die and be started again on the same port and folder. Its methods may be
// called from any goroutine.
type Process struct {
	Name    string
	Dir     string // everything it keeps
	Port    int    // where it serves first of all
	LogPath string // stdout and stderr of every incarnation, one after the other

	spec spec

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd was waited for
}

// newProcess prepares the folder of a process; Start starts it.
func newProcess(name, dir string, port int, s spec) (*Process, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("folder of %s: %w", name, err)
	}
	return &Process{Name: name, Dir: dir, Port: port, LogPath: filepath.Join(dir, name+".log"), spec: s}, nil
}

// Start starts the process and waits until it is ready. It fails when the process is alive already, when it ends before
// it is ready, and when ctx ends; what was started is killed then, and the error holds the last lines of its log.
func (p *Process) Start(ctx context.Context) error {
	if err := p.Launch(); err != nil {
		return err
	}
	if err := p.WaitReady(ctx); err != nil {
		_ = p.Kill9()
		return err
	}
	return nil
}

// Launch starts the process without waiting until it is ready.
func (p *Process) Launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil && !closed(p.exited) {
		return fmt.Errorf("%s runs already as process %d", p.Name, p.cmd.Process.Pid)
	}
	out, err := os.OpenFile(p.LogPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("log of %s: %w", p.Name, err)
	}
	defer out.Close()

	cmd := exec.Command(p.spec.path, p.spec.args...)
	cmd.Dir, cmd.Env = p.Dir, p.spec.env
	cmd.Stdout, cmd.Stderr = out, out
	if err := launch(cmd); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	exited := make(chan struct{})
	p.cmd, p.exited = cmd, exited
	go func() {
		_ = cmd.Wait() // the state says how it ended
		close(exited)
	}()
	return nil
}

// WaitReady waits until the process answers in its own protocol, or is gone, or ctx ends.
func (p *Process) WaitReady(ctx context.Context) error {
	exited := p.Exited()
	var last error
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := p.spec.ready(try)
		cancel()
		if err == nil && !closed(exited) {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-exited:
			return fmt.Errorf("%s ended before it was ready (%v); the end of %s:\n%s", p.Name, p.State(), p.LogPath, p.Tail(20))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; the end of %s:\n%s", p.Name, errors.Join(ctx.Err(), last), p.LogPath, p.Tail(20))
		case <-time.After(readyPause):
		}
	}
}

// PID is the process id of the present or the last incarnation, 0 before the first.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Exited returns a channel that is closed when the present incarnation is gone. Before the first it is closed.
func (p *Process) Exited() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return gone
	}
	return p.exited
}

// Alive tells whether the process runs, be it ready, paused or neither.
func (p *Process) Alive() bool { return !closed(p.Exited()) }

// State tells how the last incarnation ended; nil while it lives and before the first.
func (p *Process) State() *os.ProcessState {
	if p.Alive() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	return p.cmd.ProcessState
}

// Signal sends a signal. A process that is gone is no error.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || closed(p.exited) {
		return nil
	}
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%v to %s: %w", s, p.Name, err)
	}
	return nil
}

// Kill9 kills the process, paused or not, and returns when it is gone.
func (p *Process) Kill9() error {
	exited := p.Exited()
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-exited
	return nil
}

// Term asks the process to end and waits until it is gone or ctx ends.
func (p *Process) Term(ctx context.Context) error {
	exited := p.Exited()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-exited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s lives on after TERM: %w", p.Name, ctx.Err())
	}
}

// Pause stops the process with SIGSTOP: it keeps its ports and connections and does nothing.
func (p *Process) Pause() error { return p.Signal(syscall.SIGSTOP) }

// Cont lets a paused process go on.
func (p *Process) Cont() error { return p.Signal(syscall.SIGCONT) }

// Restart kills the process if it is alive and starts it on the same port and folder.
func (p *Process) Restart(ctx context.Context) error {
	if err := p.Kill9(); err != nil {
		return err
	}
	return p.Start(ctx)
}

// Close ends the process for good: TERM, and KILL when that has no effect within 20 s.
func (p *Process) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	_ = p.Cont()
	if err := p.Term(ctx); err != nil {
		return errors.Join(err, p.Kill9())
	}
	return nil
}

// Tail returns the last n lines of the log.
func (p *Process) Tail(n int) string {
	text, err := os.ReadFile(p.LogPath)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// gone stands for a process that was never started.
var gone = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
