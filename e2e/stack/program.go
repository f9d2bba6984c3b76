package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// A Program is one of Longtail's built binaries as a process. Ports that it does not serve are 0.
type Program struct {
	*Process
	Public, API, Debug int
	Pprof              int // 0 unless LONGTAIL_PPROF_ADDR stands in our own environment

	own map[string]string // its addresses and folder
}

// Settings of a program are LONGTAIL_* names and values. The two layers differ in who wins over the environment of
// the process that starts it.
type Settings struct {
	Defaults map[string]string // the environment wins
	Forced   map[string]string // these win
}

// Redirector prepares a redirector whose spool lies in dir; Start starts it. It serves clicks, the API and its debug
// address on ports of its own.
func Redirector(name, dir string, s Settings) (*Program, error) {
	return serving(name, dir, s, "redirector", "serve")
}

// Allinone prepares everything in one process, with its database and spool in dir; Start starts it.
func Allinone(name, dir string, s Settings) (*Program, error) {
	p, err := serving(name, dir, s, "allinone")
	if err != nil {
		return nil, err
	}
	p.own["LONGTAIL_PUBLIC_URL"] = p.URL()
	p.Configure(s)
	return p, nil
}

// Worker prepares a worker; Start starts it.
func Worker(name, dir string, s Settings) (*Program, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	return program(&Program{Debug: port}, name, dir, s, "worker", "run")
}

func serving(name, dir string, s Settings, binary string, args ...string) (*Program, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	p := &Program{Public: ports[0], API: ports[1], Debug: ports[2], own: map[string]string{
		"LONGTAIL_PUBLIC_ADDR": loopback(ports[0]),
		"LONGTAIL_API_ADDR":    loopback(ports[1]),
		"LONGTAIL_DATA_DIR":    dir,
	}}
	return program(p, name, dir, s, binary, args...)
}

func program(p *Program, name, dir string, s Settings, binary string, args ...string) (*Program, error) {
	path, err := Binary(binary)
	if err != nil {
		return nil, err
	}
	p.own = merged(p.own, map[string]string{"LONGTAIL_DEBUG_ADDR": loopback(p.Debug)})
	if addr := os.Getenv("LONGTAIL_PPROF_ADDR"); addr != "" && addr != "off" {
		if p.Pprof, err = FreePort(); err != nil { // one address cannot serve several programs
			return nil, err
		}
		p.own["LONGTAIL_PPROF_ADDR"] = loopback(p.Pprof)
	}
	p.Process, err = newProcess(name, dir, cmp.Or(p.Public, p.Debug), spec{
		path: path, args: args,
		ready: func(ctx context.Context) error {
			_, err := fetch(ctx, p.DebugURL()+"/readyz")
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	p.Configure(s)
	return p, nil
}

// Configure sets what the program's next incarnation starts with. Its own addresses stay as they are; its folder may be
// another one by a forced LONGTAIL_DATA_DIR.
func (p *Program) Configure(s Settings) {
	forced := merged(s.Forced, p.own)
	if dir, ok := s.Forced["LONGTAIL_DATA_DIR"]; ok {
		forced["LONGTAIL_DATA_DIR"] = dir
	}
	p.spec.env = environment(s.Defaults, forced)
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// Use makes the program's next incarnation another build of it.
func (p *Program) Use(path string) { p.spec.path = path }

// URL is where the program serves clicks, without a trailing slash.
func (p *Program) URL() string { return "http://" + loopback(p.Public) }

// APIURL is where the program serves the API, without a trailing slash.
func (p *Program) APIURL() string { return "http://" + loopback(p.API) }

// DebugURL is where the program serves /metrics, /livez and /readyz.
func (p *Program) DebugURL() string { return "http://" + loopback(p.Debug) }

// Run runs a command of the same binary with the same environment, such as "spool drain", and returns its output.
func (p *Program) Run(ctx context.Context, args ...string) (string, error) {
	return run(ctx, p.spec.path, p.spec.env, args...)
}

func run(ctx context.Context, path string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", filepath.Base(path), strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// Binary is the path of a built program: allinone, redirector or worker.
func Binary(name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "bin", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not built (make build): %w", name, err)
	}
	return path, nil
}

// Build builds the programs into bin/, as make build does. It is quick when nothing has changed, and several test
// binaries may call it at once.
func Build(ctx context.Context) error {
	root, err := Root()
	if err != nil {
		return err
	}
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(bin, ".building"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	var errs error
	for _, pkg := range []string{"redirector/cmd/allinone", "redirector/cmd/redirector", "worker/cmd/worker"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(bin, filepath.Base(pkg)), "./"+pkg)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			errs = errors.Join(errs, fmt.Errorf("build %s: %w\n%s", pkg, err, out))
		}
	}
	return errs
}
