package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// A Container is one of the project's as the daemon sees it.
type Container struct {
	ID, Service string
	State       string // running, exited, ...
	Health      string // healthy, starting, unhealthy; empty without a health check
	ExitCode    int
	Address     string // in the project's network
	Started     time.Time
}

// Containers are a service's, or all of the project's when none is named; those that ended too, the oldest first.
func (p *Project) Containers(ctx context.Context, service string) ([]Container, error) {
	ids, err := p.engine.Docker(ctx, "ps", "--all", "--quiet", "--no-trunc", "--filter", "label=com.docker.compose.project="+p.name)
	if err != nil || ids == "" {
		return nil, err
	}
	out, err := p.engine.Docker(ctx, append([]string{"inspect"}, strings.Fields(ids)...)...)
	if err != nil {
		return nil, err
	}
	all, err := containers([]byte(out))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(c Container) bool { return service != "" && c.Service != service }), nil
}

// containers reads what docker inspect says.
func containers(inspected []byte) ([]Container, error) {
	var list []struct {
		ID    string
		State struct {
			Status    string
			ExitCode  int
			StartedAt time.Time
			Health    *struct{ Status string }
		}
		Config          struct{ Labels map[string]string }
		NetworkSettings struct {
			Networks map[string]struct{ IPAddress string }
		}
	}
	if err := json.Unmarshal(inspected, &list); err != nil {
		return nil, fmt.Errorf("read docker inspect: %w", err)
	}
	var all []Container
	for _, v := range list {
		c := Container{ID: v.ID, Service: v.Config.Labels["com.docker.compose.service"], State: v.State.Status, ExitCode: v.State.ExitCode, Started: v.State.StartedAt}
		if v.State.Health != nil {
			c.Health = v.State.Health.Status
		}
		for _, network := range v.NetworkSettings.Networks {
			c.Address = network.IPAddress
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Container) int { return a.Started.Compare(b.Started) })
	return all, nil
}

// unwell tells what is not as it should be: each service has so many containers that run and are healthy. A service
// whose number is 0 is one that runs once and must have ended well.
func unwell(all []Container, want map[string]int) []string {
	var wrong []string
	well := map[string]int{}
	for _, c := range all {
		number, known := want[c.Service]
		switch {
		case !known:
			wrong = append(wrong, "a container of the service "+c.Service)
		case number == 0 && c.State == "exited" && c.ExitCode == 0, number > 0 && c.State == "running" && c.Health == "healthy":
			well[c.Service]++
		default:
			wrong = append(wrong, fmt.Sprintf("%s is %s %s, exit status %d", c.Service, c.State, c.Health, c.ExitCode))
		}
	}
	for service, number := range want {
		if got := well[service]; got != max(number, 1) {
			wrong = append(wrong, fmt.Sprintf("%s: %d of %d are well", service, got, max(number, 1)))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// services are all of docker-compose.yml that the project runs.
func (p *Project) services(redirectors, workers int) map[string]int {
	all := map[string]int{
		"haproxy": 1, "mysql": 1, "redis": 1, "rabbitmq": 1, "migrate": 0, "redirector": redirectors, "worker": workers,
	}
	if p.TLS {
		all["caddy"] = 1
	}
	return all
}

// Healthy waits until every container is there, runs and is healthy.
func (p *Project) Healthy(ctx context.Context, redirectors, workers int) error {
	for {
		all, err := p.Containers(ctx, "")
		wrong := unwell(all, p.services(redirectors, workers))
		if err == nil && len(wrong) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not all are healthy: %s: %w", strings.Join(wrong, "; "), ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// Kill ends a container's process with SIGKILL. The daemon takes that for somebody's wish and does not start it again.
func (p *Project) Kill(ctx context.Context, c Container) error {
	_, err := p.engine.Docker(ctx, "kill", "--signal", "KILL", c.ID)
	return err
}

// Crash kills a container's process behind the daemon's back, which then starts it again as docker-compose.yml wants it.
// It is done in a container that sees all processes, so that it works wherever the daemon is.
func (p *Project) Crash(ctx context.Context, c Container) error {
	pid, err := p.engine.Docker(ctx, "inspect", "--format", "{{.State.Pid}}", c.ID)
	if err != nil {
		return err
	}
	balancers, err := p.Containers(ctx, "haproxy")
	if err != nil || len(balancers) == 0 {
		return fmt.Errorf("no container whose image has a shell: %w", err)
	}
	image, err := p.engine.Docker(ctx, "inspect", "--format", "{{.Image}}", balancers[0].ID)
	if err != nil {
		return err
	}
	_, err = p.engine.Docker(ctx, "run", "--rm", "--network", "none", "--pid", "host", "--user", "0", "--entrypoint", "sh", image, "-c", "kill -9 "+pid)
	return err
}

// Read runs a program in a container and returns what it printed.
func (p *Project) Read(ctx context.Context, c Container, program ...string) (string, error) {
	return p.engine.Docker(ctx, append([]string{"exec", c.ID}, program...)...)
}

// Stop ends it with TERM, as a deployment does, and returns its exit status.
func (p *Project) Stop(ctx context.Context, c Container) (status string, err error) {
	if _, err := p.engine.Docker(ctx, "stop", c.ID); err != nil {
		return "", err
	}
	return p.engine.Docker(ctx, "inspect", "--format", "{{.State.ExitCode}}", c.ID)
}

// Start starts a container that was killed or stopped, with its own name and volumes.
func (p *Project) Start(ctx context.Context, c Container) error {
	_, err := p.engine.Docker(ctx, "start", c.ID)
	return err
}

// Logs are the last lines of every container, for the one who must find out why.
func (p *Project) Logs(ctx context.Context) string {
	all, err := p.Containers(ctx, "")
	if err != nil {
		return err.Error()
	}
	var text strings.Builder
	for _, c := range all {
		lines, err := p.logs(ctx, c)
		fmt.Fprintf(&text, "--- %s %.12s: %s %s, exit status %d\n%s\n", c.Service, c.ID, c.State, c.Health, c.ExitCode, lines)
		if err != nil {
			fmt.Fprintln(&text, err)
		}
	}
	return text.String()
}

// told is how many of a container's last lines are told.
const told = "40"

func (p *Project) logs(ctx context.Context, c Container) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", "logs", "--tail", told, c.ID)
	cmd.Env = p.engine.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}
