package stack

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// A Front is a private Caddy that has certificates on demand from its own authority, with the configuration that
// compose uses.
type Front struct {
	*Process
	HTTPPort int
}

// Caddy starts one in dir. Clicks go to clicks, host:port; ask is the address of the API's question whether a
// certificate may be had.
func Caddy(ctx context.Context, dir, clicks, ask string) (*Front, error) {
	server, err := binary("caddy")
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	config, err := deployed("caddy/Caddyfile")
	if err != nil {
		return nil, err
	}
	f := &Front{HTTPPort: ports[1]}
	f.Process, err = newProcess("caddy", dir, ports[0], spec{
		path: server, args: []string{"run", "--config", config, "--adapter", "caddyfile"}, ready: f.listens,
		env: append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, "CADDY_CLICKS="+clicks, "CADDY_ASK="+ask, "CADDY_ISSUER=internal",
			fmt.Sprintf("CADDY_HTTPS=%d", ports[0]), fmt.Sprintf("CADDY_HTTP=%d", ports[1])),
	})
	if err != nil {
		return nil, err
	}
	if err := f.Start(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// listens succeeds when somebody takes connections.
func (f *Front) listens(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", loopback(f.Port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// Visitor is one who trusts Caddy's own authority, which it has from its start.
func (f *Front) Visitor() (*Visitor, error) {
	root, err := os.ReadFile(filepath.Join(f.Dir, "caddy", "pki", "authorities", "local", "root.crt"))
	if err != nil {
		return nil, err
	}
	return NewVisitor(f.Port, f.HTTPPort, root)
}
