package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"longtail/e2e/stack"
)

// Limits of a private daemon.
const (
	daemonStarts = 60 * time.Second
	daemonEnds   = 60 * time.Second
)

// An Engine is a Docker daemon.
type Engine struct {
	Private bool // started by us, with nothing of anybody else's in it

	env    []string // of its clients
	dir    string
	daemon *exec.Cmd
	ended  chan struct{} // closed when a private daemon is gone
	net    *network
}

// Open finds the daemon that runs on this machine, or starts a private one whose files are all in dir, which must be
// short: sockets are in it. Close ends it.
func Open(ctx context.Context, dir string) (*Engine, error) {
	running := &Engine{env: os.Environ()}
	if _, err := running.Docker(ctx, "version"); err == nil {
		return running, nil
	}
	for _, tool := range []string{"docker", "dockerd", "debootstrap", "iptables-save", "ip"} {
		if _, err := stack.Tool(tool); err != nil {
			return nil, fmt.Errorf("no Docker daemon runs, and none can be started: %w", err)
		}
	}
	e := &Engine{Private: true, dir: dir, ended: make(chan struct{})}
	socket := "unix://" + filepath.Join(dir, "docker.sock")
	e.env = append(os.Environ(), "DOCKER_HOST="+socket, "DOCKER_CONTEXT=", "DOCKER_CONFIG="+filepath.Join(dir, "client"))
	if err := e.start(ctx, socket); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// start starts the daemon and waits until it answers.
func (e *Engine) start(ctx context.Context, socket string) (err error) {
	if e.net, err = remember(ctx); err != nil {
		return err
	}
	// Without a file of its own it reads /etc/docker/daemon.json, which may say the opposite of what we say.
	config := filepath.Join(e.dir, "daemon.json")
	if err := os.WriteFile(config, []byte("{}\n"), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(e.dir, "dockerd.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	dockerd, err := stack.Tool("dockerd")
	if err != nil {
		return err
	}
	daemon := exec.Command(dockerd, "--config-file", config, "--host", socket, "--pidfile", filepath.Join(e.dir, "pid"),
		"--data-root", filepath.Join(e.dir, "data"), "--exec-root", filepath.Join(e.dir, "exec"),
		"--containerd-namespace", "longtail-test", "--containerd-plugins-namespace", "longtail-test-plugins")
	daemon.Stdout, daemon.Stderr = log, log
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C at the terminal reaches only us: Close ends it
	if err := daemon.Start(); err != nil {
		return err
	}
	e.daemon = daemon
	go func() { _ = daemon.Wait(); close(e.ended) }() // its end is awaited by Close
	return e.answers(ctx)
}

func (e *Engine) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, daemonStarts)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := e.Docker(ctx, "version")
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
			continue
		case <-e.ended:
			err = errors.New("it ended")
		case <-ctx.Done():
		}
		return fmt.Errorf("start dockerd: %w; the end of its log:\n%s", err, tail(filepath.Join(e.dir, "dockerd.log"), 4000))
	}
}

// Docker runs the client and returns what it printed, without white space around it.
func (e *Engine) Docker(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = e.env
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return strings.TrimSpace(out.String()), nil
}

// seenFromContainers is an address of this machine that containers of every network reach: that of the daemon's own bridge.
func seenFromContainers() (string, error) {
	bridge, err := net.InterfaceByName(bridgeName)
	if err != nil {
		return "", fmt.Errorf("%s: %w", bridgeName, err)
	}
	addrs, err := bridge.Addrs()
	if err != nil {
		return "", fmt.Errorf("addresses of %s: %w", bridgeName, err)
	}
	for _, addr := range addrs {
		if ip, ok := addr.(*net.IPNet); ok && ip.IP.To4() != nil {
			return ip.IP.String(), nil
		}
	}
	return "", fmt.Errorf("%s has no address", bridgeName)
}

// tail is the end of a file, n bytes at most, for a message.
func tail(path string, n int64) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > n {
		_, _ = f.Seek(-n, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return string(text)
}
