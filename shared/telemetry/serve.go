package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A Serving is a server that takes requests from a listener until it is shut down; http.Server is one.
type Serving interface {
	Serve(l net.Listener) error
	Shutdown(ctx context.Context) error
}

// Serve serves on l in a goroutine of its own; its stop shuts the server down and waits for it within the limit. A server
// that ends by itself ends the program.
func (l *Lifecycle) Serve(name string, limit time.Duration, server Serving, on net.Listener) {
	ended := make(chan error, 1)
	go func() {
		err := server.Serve(on)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		if err != nil {
			l.Fail(fmt.Errorf("%s: %w", name, err))
		}
		ended <- err
	}()
	l.Defer(name, limit, func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if closer, ok := server.(interface{ Close() error }); ok && err != nil {
			_ = closer.Close() // what is left is cut off
		}
		return errors.Join(err, <-ended)
	})
}

// ListenAndServe listens on addr, which the setting names, and serves the debug handlers there; "" stands for off.
func (l *Lifecycle) ListenAndServe(ctx context.Context, setting, addr string, h http.Handler) error {
	if addr == "" {
		return nil
	}
	on, err := Listen(ctx, setting, addr)
	if err != nil {
		return err
	}
	l.Serve(setting, 2*time.Second, NewServer(h), on)
	return nil
}
