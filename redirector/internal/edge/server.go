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
	"sync"
	"time"
)

// A Server is the public port. Its front answers plain requests; whatever else comes is for net/http and gin.
type Server struct {
	edge  *Edge
	http  http.Server
	mu    sync.Mutex
	front *front // nil before Serve
	// drain is how long the port stays open after /-/ready turned false, so that load balancers see it first.
	drain time.Duration
}

// NewServer makes the public server of e. drain is the time between "not ready" and the closed port; the load
// balancer's check must fit into it twice.
func NewServer(e *Edge, drain time.Duration) *Server {
	return &Server{edge: e, drain: drain, http: http.Server{
		Handler:           e.Handler(),
		ReadHeaderTimeout: headPatience,
		ReadTimeout:       headPatience + 5*time.Second,
		WriteTimeout:      writePatience,
		IdleTimeout:       idlePatience,
		MaxHeaderBytes:    headMost,
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
	f := newFront(l, s.edge)
	s.mu.Lock()
	s.front = f
	s.mu.Unlock()
	switch err := s.http.Serve(f); {
	case f.closing.Load():
		return nil
	case errors.Is(err, http.ErrServerClosed): // before it began
		return f.shutdown(context.Background())
	default:
		return fmt.Errorf("serve clicks on %s: %w", l.Addr(), err)
	}
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
	err := s.closeFront(ctx)
	if err = errors.Join(err, s.http.Shutdown(ctx)); err != nil {
		_ = s.http.Close()
		return fmt.Errorf("wait for the last answers: %w", err)
	}
	return nil
}

func (s *Server) closeFront(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.front == nil {
		return nil
	}
	return s.front.shutdown(ctx)
}
