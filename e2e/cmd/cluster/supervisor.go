package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"longtail/e2e/stack"
)

// Limits of bringing a process back.
const (
	againPause = 500 * time.Millisecond // before the next try of one that could not stay up
	againTries = 20
	settled    = 10 * time.Second // one that lived this long has come back
	stopLimit  = 60 * time.Second
	backLimit  = 60 * time.Second
)

// A supervisor brings back what dies by a signal other than TERM, on the same ports and folder, and keeps the files
// that tell the process ids.
type supervisor struct {
	pids      string
	processes []*stack.Process
	out       io.Writer
	wake      map[string]chan struct{} // by name: it was started by hand

	mu      sync.Mutex
	stopped map[string]bool // by hand: stays away whatever it dies of
}

func newSupervisor(pids string, processes []*stack.Process, out io.Writer) *supervisor {
	s := &supervisor{pids: pids, processes: processes, out: out, wake: map[string]chan struct{}{}, stopped: map[string]bool{}}
	for _, p := range processes {
		s.wake[p.Name] = make(chan struct{}, 1)
	}
	return s
}

// run watches all processes until ctx ends.
func (s *supervisor) run(ctx context.Context) error {
	for _, p := range s.processes {
		if err := s.note(p); err != nil {
			return err
		}
	}
	var watchers sync.WaitGroup
	for _, p := range s.processes {
		watchers.Go(func() { s.watch(ctx, p) })
	}
	watchers.Wait()
	return nil
}

// watch brings one process back as often as it must.
func (s *supervisor) watch(ctx context.Context, p *stack.Process) {
	for tries := 0; ; {
		since := time.Now()
		select {
		case <-ctx.Done():
			return
		case <-p.Exited():
		}
		if ctx.Err() != nil {
			return
		}
		if p.Alive() { // started by hand in the meantime
			continue
		}
		if time.Since(since) > settled {
			tries = 0
		}
		if !s.comesBack(p, tries) {
			if !s.awaitStart(ctx, p) {
				return
			}
			tries = 0
			continue
		}
		if tries++; tries > 1 && !pause(ctx, againPause) {
			return
		}
		s.back(p)
	}
}

// comesBack decides about a process that is gone. One that was brought back and ends at once, because what it was killed
// with still holds a port or a name, is tried again too.
func (s *supervisor) comesBack(p *stack.Process, tries int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped[p.Name] || p.Alive() {
		return false
	}
	status, ok := p.State().Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return status.Signal() != syscall.SIGTERM
	}
	return tries > 0 && tries < againTries && !p.State().Success()
}

// back starts a process and notes its new id.
func (s *supervisor) back(p *stack.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped[p.Name] || p.Alive() {
		return
	}
	how := p.State()
	if err := errors.Join(p.Launch(), s.note(p)); err != nil {
		fmt.Fprintf(s.out, "%s  %s: %v\n", clock(), p.Name, err)
		return
	}
	fmt.Fprintf(s.out, "%s  %s died (%v), started again as %d\n", clock(), p.Name, how, p.PID())
}

// awaitStart waits until a process that is gone is started by hand; false when ctx ended first.
func (s *supervisor) awaitStart(ctx context.Context, p *stack.Process) bool {
	s.mu.Lock()
	if !p.Alive() {
		fmt.Fprintf(s.out, "%s  %s ended (%v)\n", clock(), p.Name, p.State())
		_ = os.Remove(s.pidFile(p))
	}
	s.mu.Unlock()
	for !p.Alive() {
		select {
		case <-ctx.Done():
			return false
		case <-s.wake[p.Name]:
		}
	}
	return true
}

// stop ends a process with TERM; it stays away until start.
func (s *supervisor) stop(name string) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.stopped[name] = true
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	if err := p.Term(ctx); err != nil {
		return err
	}
	return remove(s.pidFile(p))
}

// start starts a process that was stopped or has ended, and returns when it is ready.
func (s *supervisor) start(name string) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	if err := s.launch(p); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), backLimit)
	defer cancel()
	return p.WaitReady(ctx)
}

func (s *supervisor) launch(p *stack.Process) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Alive() {
		return nil
	}
	delete(s.stopped, p.Name)
	if err := errors.Join(p.Launch(), s.note(p)); err != nil {
		return err
	}
	select {
	case s.wake[p.Name] <- struct{}{}:
	default:
	}
	return nil
}

func (s *supervisor) find(name string) (*stack.Process, error) {
	var names []string
	for _, p := range s.processes {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("there is no %q; there are %v", name, names)
}

func (s *supervisor) pidFile(p *stack.Process) string { return filepath.Join(s.pids, p.Name) }

// note writes the id of a process.
func (s *supervisor) note(p *stack.Process) error {
	return replace(s.pidFile(p), fmt.Sprintln(p.PID()), 0o644)
}

// clear removes the files of all processes.
func (s *supervisor) clear() error { return os.RemoveAll(s.pids) }

func clock() string { return time.Now().Format("15:04:05.000") }

// remove removes a file that may be gone.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// pause waits d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
