package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// A Server is the public port.
type Server struct {
	edge *Edge
	http http.Server
	// drain is how long the port stays open after /-/ready turned false, so that load balancers see it first.
	drain time.Duration
}

// NewServer makes the public server of e. drain is the time between "not ready" and the closed port; the load
// balancer's check must fit into it twice.
func NewServer(e *Edge, drain time.Duration) *Server {
	return &Server{edge: e, drain: drain, http: http.Server{
		Handler: e.Handler(),
		// A click is one small request. A client that needs longer is not a person.
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       75 * time.Second, // above the idle time of load balancers' connections
		MaxHeaderBytes:    64 << 10,         // a customer's domain gets the cookies of its parent
		// OPTIONS * is a method like any other that a link does not answer.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(acceptErrors{e.log}, "", 0),
	}}
}

// acceptErrors logs what net/http says about the port, and drops what it says about peers: that names their addresses.
type acceptErrors struct{ log *slog.Logger }

// Write takes one line.
func (a acceptErrors) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte("http: Accept error")) {
		a.log.Warn("connection cannot be accepted", "error", string(bytes.TrimSpace(line)))
	}
	return len(line), nil
}

// Serve answers clicks on l until Shutdown. It returns nil after a shutdown.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(mendingListener{patientListener{l}}); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve clicks on %s: %w", l.Addr(), err)
	}
	return nil
}

// Shutdown stops serving without cutting anybody off: /-/ready turns false, the load balancer takes the port out, and
// only then is it closed and the answers in progress waited for. When ctx ends earlier, what is left is cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.edge.draining.Store(true)
	select {
	case <-time.After(s.drain):
	case <-ctx.Done():
	}
	s.http.SetKeepAlivesEnabled(false)
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
		return fmt.Errorf("wait for the last answers: %w", err)
	}
	return nil
}
