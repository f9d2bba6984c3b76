package stack

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// Tool is the path of a program that is no service, such as wrk; its package is installed where it is missing.
func Tool(name string) (string, error) { return binary(name) }

// Command prepares any other server as a process; Start starts it. It is ready when it accepts connections on port. env
// is added to the environment of this process.
func Command(name, dir string, port int, env []string, path string, args ...string) (*Process, error) {
	return newProcess(name, dir, port, spec{
		path: path, args: args, env: append(os.Environ(), env...),
		ready: func(ctx context.Context) error { return accepts(ctx, port) },
	})
}

func accepts(ctx context.Context, port int) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", loopback(port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// nginxConf answers every request with the same redirect and logs it through a buffer.
const nginxConf = `daemon off;
master_process off;
error_log %[1]s/error.log;
pid %[1]s/nginx.pid;
events { worker_connections 4096; }
http {
  access_log %[1]s/access.log combined buffer=64k flush=1s;
  keepalive_requests 1000000000;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server {
    listen 127.0.0.1:%[2]d;
    location / { return 302 %[3]s; }
  }
}
`

// Nginx starts a private nginx of one process that sends everybody to location. That must hold nothing that nginx's
// configuration reads as its own: no $, no quotes, no semicolon.
func Nginx(ctx context.Context, dir, location string) (*Process, error) {
	path, err := binary("nginx")
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	p, err := Command("nginx", dir, port, nil, path, "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, port, location), 0o600); err != nil {
		return nil, err
	}
	return p, p.Start(ctx)
}
