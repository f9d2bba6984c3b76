package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Broker is a private single-node RabbitMQ without plugins.
type Broker struct {
	*Process
	epmd *Process // Erlang's port mapper: ours too, so that none is left behind as a daemon
}

// RabbitMQ starts a private broker in dir. A folder that held one before is used again, with its queues, as long as the
// process that started it first still lives: the node's name holds the port.
func RabbitMQ(ctx context.Context, dir string) (*Broker, error) {
	server, err := binary("rabbitmq-server")
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
	config, err := brokerFiles(dir, ports[0])
	if err != nil {
		return nil, err
	}
	epmd, err := portMapper(ctx, dir)
	if err != nil {
		return nil, err
	}
	b := &Broker{epmd: epmd}
	b.Process, err = newProcess("rabbitmq", dir, ports[0], spec{
		path: server,
		env: []string{
			"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin",
			"LANG=C.UTF-8",
			"HOME=" + dir,             // where Erlang looks for its cookie
			"RUNNING_UNDER_SYSTEMD=1", // the script then becomes the server instead of staying in front of it
			fmt.Sprintf("ERL_EPMD_PORT=%d", epmd.Port),
			fmt.Sprintf("RABBITMQ_DIST_PORT=%d", ports[1]),
			"RABBITMQ_NODENAME=" + nodeName,
			"RABBITMQ_CONF_ENV_FILE=" + filepath.Join(dir, "no-env.conf"),
			"RABBITMQ_CONFIG_FILE=" + config,
			"RABBITMQ_ADVANCED_CONFIG_FILE=" + filepath.Join(dir, "no-advanced.config"),
			"RABBITMQ_ENABLED_PLUGINS_FILE=" + filepath.Join(dir, "enabled_plugins"),
			"RABBITMQ_MNESIA_BASE=" + filepath.Join(dir, "mnesia"),
			"RABBITMQ_MNESIA_DIR=" + filepath.Join(dir, "mnesia", "node"),
			"RABBITMQ_LOG_BASE=" + filepath.Join(dir, "log"),
		},
		ready: b.ping,
	})
	if err == nil {
		err = b.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, epmd.Close())
	}
	return b, nil
}

// nodeName is the same for all: each node has a port mapper of its own, so they never meet.
const nodeName = "longtail@localhost"

// brokerFiles writes the cookie, the empty list of plugins and the settings, and returns the path of the last.
func brokerFiles(dir string, port int) (string, error) {
	settings, err := deployed("rabbitmq/rabbitmq.conf")
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(settings)
	if err != nil {
		return "", err
	}
	text = fmt.Appendf(text, "\n# Of this private broker.\nlisteners.tcp.1 = 127.0.0.1:%d\nloopback_users = none\n", port)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	cookie := filepath.Join(dir, ".erlang.cookie")
	_ = os.Remove(cookie) // it is read-only, as Erlang demands
	config := filepath.Join(dir, "rabbitmq.conf")
	return config, errors.Join(
		os.WriteFile(cookie, []byte("LONGTAILPRIVATEBROKER"), 0o400),
		os.WriteFile(filepath.Join(dir, "enabled_plugins"), []byte("[].\n"), 0o644),
		os.WriteFile(config, text, 0o644),
	)
}

// portMapper starts Erlang's name service on a port of its own, and on another one when it ends at once: it takes any
// answer on its port for a name service that runs already.
func portMapper(ctx context.Context, dir string) (*Process, error) {
	var errs error
	for range 3 {
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		p, err := portMapperOn(ctx, dir, port)
		if err == nil {
			return p, nil
		}
		errs = errors.Join(errs, err)
	}
	return nil, errs
}

// portMapperOn starts the name service. Without it the broker would start one that outlives it.
func portMapperOn(ctx context.Context, dir string, port int) (*Process, error) {
	path, err := binary("epmd")
	if err != nil {
		return nil, err
	}
	p, err := newProcess("epmd", dir, port, spec{
		path:  path,
		args:  []string{"-address", "127.0.0.1", "-port", fmt.Sprint(port)},
		ready: func(ctx context.Context) error { return accepts(ctx, port) },
	})
	if err != nil {
		return nil, err
	}
	return p, p.Start(ctx)
}

// ping succeeds when the broker opens an AMQP connection.
func (b *Broker) ping(ctx context.Context) error {
	conn, err := amqp.DialConfig(b.URL(), amqp.Config{
		Dial: func(network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			if deadline, ok := ctx.Deadline(); ok {
				err = conn.SetDeadline(deadline)
			}
			return conn, err
		},
	})
	if err != nil {
		return err
	}
	return conn.Close()
}

// Settled waits until the broker has written a quorum queue to its directory on disk, which it does up to 3 s after the
// queue was declared. One that is not in it when the broker is killed has no leader ever after (seen with 3.10).
func (b *Broker) Settled(ctx context.Context, queue string) error {
	for {
		files, err := filepath.Glob(filepath.Join(b.Dir, "mnesia/node/quorum/*/names.dets"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(queue)) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the queue %s is not in the broker's directory on disk: %w", queue, ctx.Err())
		case <-time.After(readyPause):
		}
	}
}

// URL is the broker's address with its default user.
func (b *Broker) URL() string { return fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", b.Port) }

// Close stops the broker and its port mapper.
func (b *Broker) Close() error { return errors.Join(b.Process.Close(), b.epmd.Kill9()) }
