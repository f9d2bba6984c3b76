//go:build compose

package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Limits. Images are built from nothing, on a machine that may be busy.
const (
	makeLimit  = 40 * time.Minute // of images and of the first start
	closeLimit = 3 * time.Minute
	stepLimit  = 3 * time.Minute // of one step of a story
)

// What the project is brought up with, and brought back to before each story.
const (
	redirectors = 3
	workers     = 4
)

// project is that of all stories: each of them leaves it whole.
var project *Project

func TestMain(m *testing.M) { os.Exit(tell(m)) }

// tell brings the project up, tells the stories, prints what came of each, and takes everything away again, also when
// it is interrupted.
func tell(m *testing.M) int {
	dir, err := os.MkdirTemp("", "longtail-compose-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, interrupted := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer interrupted()
	var world world
	away := sync.OnceValue(func() error { return errors.Join(world.close(), os.RemoveAll(dir)) })
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "interrupted:", away())
			os.Exit(1)
		case <-ended:
		}
	}()
	status := 1
	if err := world.open(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else if status = m.Run(); status != 0 {
		fmt.Fprintln(os.Stderr, world.project.Logs(context.Background()))
	}
	printTable(os.Stdout)
	if err := away(); err != nil {
		fmt.Fprintln(os.Stderr, "take everything away:", err)
		status = max(status, 1)
	}
	return status
}

// A world is the daemon and the project in it.
type world struct {
	mu      sync.Mutex // open may still go on when an interruption closes
	engine  *Engine
	project *Project
}

func (w *world) open(ctx context.Context, dir string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, makeLimit)
	defer cancel()
	var err error
	begin := time.Now()
	step := func(what string, args ...any) {
		fmt.Printf("%6.1f s  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(what, args...))
	}
	if w.engine, err = Open(ctx, dir); err != nil {
		return err
	}
	if w.engine.Private {
		step("a Docker daemon of its own runs in %s", dir)
	} else {
		step("the Docker daemon of this machine is used")
	}
	if w.project, err = Prepare(ctx, w.engine, dir); err != nil {
		return err
	}
	step("Compose v2 is built, the project copied, its secrets are made")
	names, err := w.project.Images(ctx)
	if err != nil {
		return err
	}
	standins, err := w.engine.Provide(ctx, names)
	if err != nil {
		return err
	}
	step("images %v; stand-ins among them, made from Debian's packages: %v", names, standins)
	if err := w.project.Scale(ctx, redirectors, workers, "--build"); err != nil {
		return errors.Join(err, errors.New(w.project.Logs(ctx)))
	}
	step("docker compose up --build --scale redirector=%d --scale worker=%d", redirectors, workers)
	if err := w.project.Healthy(ctx, redirectors, workers); err != nil {
		return errors.Join(err, errors.New(w.project.Logs(ctx)))
	}
	step("all containers are healthy")
	project = w.project
	return nil
}

// close takes the project away with its volumes and the images that it built, and ends the daemon.
func (w *world) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	var errs error
	if w.project != nil {
		w.project.TLS = true // what a profile has brought goes only with the profile
		errs = w.project.Compose(ctx, "down", "--volumes", "--remove-orphans", "--timeout", "20")
	}
	if w.engine != nil {
		errs = errors.Join(errs, w.engine.Close())
	}
	return errs
}
