package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"longtail/e2e/stack"
)

// A Project is docker-compose.yml in a copy of this repository, with secrets of its own and on free ports. Its tracked URLs
// begin with https://, whose certificates Caddy issues itself.
type Project struct {
	PublicURL, APIURL   string // where they are reached from here, without a trailing slash
	HTTPSPort, HTTPPort int    // of Caddy
	Key                 string // of the API
	MySQLPassword       string
	DNS                 string // host:port where the redirectors ask for proofs; whoever tells of domains serves there
	TLS                 bool   // with the profile tls

	engine  *Engine
	dir     string
	command string // Compose v2, as a program
	name    string
	env     []string
}

// Prepare copies the project into dir, makes its secrets as people do, and builds Compose v2.
func Prepare(ctx context.Context, engine *Engine, dir string) (*Project, error) {
	root, err := stack.Root()
	if err != nil {
		return nil, err
	}
	p := &Project{engine: engine, dir: filepath.Join(dir, "project"), command: filepath.Join(dir, "docker-compose"), name: "longtail-test-" + strconv.Itoa(os.Getpid())}
	if err := copyProject(ctx, root, p.dir); err != nil {
		return nil, err
	}
	if err := run(ctx, p.dir, os.Environ(), "make", "--silent", "secrets"); err != nil {
		return nil, err
	}
	secrets, err := readEnv(filepath.Join(p.dir, ".env"))
	if err != nil {
		return nil, err
	}
	p.Key, p.MySQLPassword = secrets["LONGTAIL_BOOTSTRAP_KEY"], secrets["MYSQL_PASSWORD"]
	if err := p.address(ctx); err != nil {
		return nil, err
	}
	return p, run(ctx, filepath.Join(root, "deploy", "compose"), append(os.Environ(), "GOWORK=off"),
		"go", "build", "-o", p.command, "github.com/docker/compose/v2/cmd")
}

// address chooses the ports, and hands the module proxy of this machine on to the build of the images.
func (p *Project) address(ctx context.Context) error {
	var ports [6]int
	for i := range ports {
		port, err := stack.FreePort()
		if err != nil {
			return err
		}
		ports[i] = port
	}
	here, err := seenFromContainers()
	if err != nil {
		return err
	}
	proxy, err := exec.CommandContext(ctx, "go", "env", "GOPROXY").Output()
	if err != nil {
		return fmt.Errorf("go env GOPROXY: %w", err)
	}
	p.PublicURL, p.APIURL = fmt.Sprintf("http://127.0.0.1:%d", ports[0]), fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	p.HTTPSPort, p.HTTPPort, p.DNS = ports[3], ports[4], fmt.Sprintf("%s:%d", here, ports[5])
	p.env = append(p.engine.env,
		"LONGTAIL_PUBLIC_URL=https://go.example", "CADDY_ISSUER=internal", "LONGTAIL_DNS_ADDR="+p.DNS,
		"LONGTAIL_IP=full", // a truncated address would not tell people from the proxies
		fmt.Sprintf("LONGTAIL_PUBLIC_PORT=127.0.0.1:%d", ports[0]),
		fmt.Sprintf("LONGTAIL_API_PORT=127.0.0.1:%d", ports[1]),
		fmt.Sprintf("RABBITMQ_MANAGEMENT_PORT=127.0.0.1:%d", ports[2]),
		fmt.Sprintf("CADDY_HTTPS_PORT=127.0.0.1:%d", p.HTTPSPort),
		fmt.Sprintf("CADDY_HTTP_PORT=127.0.0.1:%d", p.HTTPPort),
		"GOPROXY="+strings.TrimSpace(string(proxy)))
	return nil
}

// Compose runs Compose v2 on the project.
func (p *Project) Compose(ctx context.Context, args ...string) error {
	if p.TLS {
		args = append([]string{"--profile", "tls"}, args...)
	}
	return run(ctx, p.dir, p.env, p.command, append([]string{"--project-name", p.name}, args...)...)
}

// Scale brings the project up with so many redirectors and workers, and returns when Compose has started them. What
// runs already and fits stays as it is.
func (p *Project) Scale(ctx context.Context, redirectors, workers int, more ...string) error {
	return p.Compose(ctx, append([]string{"up", "--detach", "--scale", fmt.Sprintf("redirector=%d", redirectors),
		"--scale", fmt.Sprintf("worker=%d", workers)}, more...)...)
}

// Images are the names of all images that docker-compose.yml needs from elsewhere: those of the services that it does
// not build, with or without a profile, and those that the builds begin with.
func (p *Project) Images(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, p.command, "--project-name", p.name, "--profile", "*", "config", "--format", "json")
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("docker compose config: %w", err)
	}
	return images(out)
}

// images reads what docker compose config --format json says.
func images(config []byte) ([]string, error) {
	var v struct {
		Services map[string]struct {
			Image string
			Build *struct{ Args map[string]string }
		}
	}
	if err := json.Unmarshal(config, &v); err != nil {
		return nil, fmt.Errorf("read docker compose config: %w", err)
	}
	all := map[string]bool{}
	for _, s := range v.Services {
		if s.Build == nil {
			all[s.Image] = true
		} else if from := s.Build.Args["GO_IMAGE"]; from != "" {
			all[from] = true
		}
	}
	return sorted(all), nil
}

// run runs a program to its end; what it printed is told only when it fails.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err != nil {
		if len(out) > maxTold {
			out = out[len(out)-maxTold:]
		}
		return fmt.Errorf("%s %s: %w:\n%s", filepath.Base(name), strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// maxTold bounds a failed program's output.
const maxTold = 8000
