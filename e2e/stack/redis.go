package stack

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// A Cache is a private Redis that keeps nothing on disk.
type Cache struct{ *Process }

// Redis starts a private server in dir.
func Redis(ctx context.Context, dir string) (*Cache, error) {
	server, err := binary("redis-server")
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
	settings, err := deployed("redis/redis.conf")
	if err != nil {
		return nil, err
	}
	c := &Cache{}
	c.Process, err = newProcess("redis", dir, port, spec{
		path:  server,
		args:  []string{settings, "--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--dir", dir, "--daemonize", "no"},
		ready: c.ping,
	})
	if err != nil {
		return nil, err
	}
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// ping succeeds when the server answers PING.
func (c *Cache) ping(ctx context.Context) error {
	client := redis.NewClient(&redis.Options{
		Addr: fmt.Sprintf("127.0.0.1:%d", c.Port), ContextTimeoutEnabled: true, MaxRetries: -1, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	return errors.Join(client.Ping(ctx).Err(), client.Close())
}

// URL is the server's address for go-redis.
func (c *Cache) URL() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", c.Port) }
