package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// An Upstream is one redirector as the load balancer sees it: the ports of 127.0.0.1 where it serves.
type Upstream struct{ Public, API int }

// A Proxy is a private HAProxy before up to four redirectors, with the configuration that compose uses.
type Proxy struct {
	*Process
	APIPort int
}

// HAProxy starts a load balancer in dir. The upstreams need not be there yet.
func HAProxy(ctx context.Context, dir string, upstreams ...Upstream) (*Proxy, error) {
	server, err := binary("haproxy")
	if err != nil {
		return nil, err
	}
	if len(upstreams) == 0 || len(upstreams) > 4 {
		return nil, fmt.Errorf("haproxy: %d upstreams, want 1 to 4", len(upstreams))
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	config, err := deployed("haproxy/haproxy.cfg")
	if err != nil {
		return nil, err
	}
	env := append(os.Environ(), fmt.Sprintf("PUBLIC_BIND=127.0.0.1:%d", ports[0]), fmt.Sprintf("API_BIND=127.0.0.1:%d", ports[1]))
	for i, u := range upstreams {
		env = append(env,
			fmt.Sprintf("REDIRECTOR_%d=127.0.0.1:%d", i+1, u.Public),
			fmt.Sprintf("REDIRECTOR_%d_PORT=%d", i+1, u.Public),
			fmt.Sprintf("API_%d=127.0.0.1:%d", i+1, u.API))
	}
	p := &Proxy{APIPort: ports[1]}
	p.Process, err = newProcess("haproxy", dir, ports[0], spec{
		path: server, args: []string{"-db", "-f", config}, env: env, ready: p.ping,
	})
	if err != nil {
		return nil, err
	}
	if err := p.Start(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// ping succeeds when the load balancer answers for itself.
func (p *Proxy) ping(ctx context.Context) error {
	_, err := fetch(ctx, p.URL()+"/-/haproxy")
	return err
}

// Balances waits until the load balancer sees n redirectors ready, for clicks and for the API.
func (p *Proxy) Balances(ctx context.Context, n int) error { return Balances(ctx, p.URL(), n) }

// Balances waits until the load balancer at a URL sees n redirectors ready, for clicks and for the API.
func Balances(ctx context.Context, url string, n int) error {
	want := fmt.Sprintf("%d %d", n, n)
	for {
		got, err := fetch(ctx, url+"/-/haproxy")
		if err == nil && got == want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("haproxy sees %q servers; want %q: %w", got, want, errors.Join(ctx.Err(), err))
		case <-time.After(readyPause):
		}
	}
}

// URL is where clicks arrive, without a trailing slash.
func (p *Proxy) URL() string { return fmt.Sprintf("http://127.0.0.1:%d", p.Port) }

// APIURL is where the API is reached, without a trailing slash.
func (p *Proxy) APIURL() string { return fmt.Sprintf("http://127.0.0.1:%d", p.APIPort) }

// probe asks with a new connection each time, so that a process that was killed is never asked on an old one.
var probe = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// fetch returns the body of what url answers with 200.
func fetch(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := probe.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: status %d", url, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(body), err
}
