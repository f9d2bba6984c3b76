package edge

import (
	"bytes"
	"context"
	"errors"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A front accepts connections and answers what is plain. As soon as something on a connection is not, it gives it to the
// server behind it, with all that was read: for that server the front is a listener. It owns a connection until then.
type front struct {
	net.Listener
	edge    *Edge
	handed  chan net.Conn
	failed  chan error
	ctx     context.Context // of all answers
	cancel  context.CancelFunc
	closing atomic.Bool
	mu      sync.Mutex
	open    map[*clickConn]struct{}
	serving sync.WaitGroup
}

func newFront(l net.Listener, e *Edge) *front {
	f := &front{Listener: patientListener{l}, edge: e, handed: make(chan net.Conn), failed: make(chan error), open: map[*clickConn]struct{}{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.serving.Go(f.accept)
	return f
}

// accept accepts until the port is closed. A failure waits for the server behind, which knows how long to rest after it.
func (f *front) accept() {
	for {
		conn, err := f.Listener.Accept()
		if err == nil {
			f.serving.Go(func() { f.serve(conn) })
			continue
		}
		if f.closing.Load() {
			return
		}
		select {
		case f.failed <- err:
		case <-f.ctx.Done():
			return
		}
	}
}

// Accept waits for a connection that is not plain.
func (f *front) Accept() (net.Conn, error) {
	select {
	case conn := <-f.handed:
		return conn, nil
	case err := <-f.failed:
		return nil, err
	case <-f.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close closes the port. It may be closed before.
func (f *front) Close() error {
	if err := f.Listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// buffers are those of connections that have ended, of the usual size.
var buffers = sync.Pool{New: func() any { return new([headUsual]byte) }}

func (f *front) serve(conn net.Conn) {
	buffer := buffers.Get().(*[headUsual]byte)
	defer buffers.Put(buffer)
	peer := conn.RemoteAddr().String()
	c := &clickConn{
		Conn: conn, edge: f.edge, peer: peer, ip: f.edge.ip.Text(f.edge.proxies.Client(peer, nil)),
		closing: f.closing.Load, usual: buffer, in: buffer[:0],
	}
	f.note(c)
	err := f.answer(c)
	f.forget(c)
	if errors.Is(err, errNotPlain) {
		f.handOver(&begunConn{Conn: conn, begun: bytes.Clone(c.in)})
		return
	}
	_ = conn.Close()
}

// answer answers what is plain. A bug ends the connection, not the process.
func (f *front) answer(c *clickConn) (err error) {
	defer func() {
		if p := recover(); p != nil {
			f.edge.metrics.redirects[Broken].Inc()
			f.edge.log.Error("panic while reading a request", "panic", p, "stack", string(debug.Stack()))
			err = net.ErrClosed
		}
	}()
	return c.answer(f.ctx)
}

func (f *front) handOver(conn net.Conn) {
	select {
	case f.handed <- conn:
	case <-f.ctx.Done():
		_ = conn.Close()
	}
}

func (f *front) note(c *clickConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[c] = struct{}{}
}

func (f *front) forget(c *clickConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, c)
}

// shutdown closes the port and waits until every request that has begun is answered, or handed over. When ctx ends
// earlier it cuts off what is left.
func (f *front) shutdown(ctx context.Context) error {
	f.closing.Store(true)
	err := f.Close()
	f.each(func(c *clickConn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }) // those that wait look up
	ended := make(chan struct{})
	go func() { defer close(ended); f.serving.Wait() }()
	select {
	case <-ended:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	f.cancel()
	f.each(func(c *clickConn) { _ = c.Close() })
	<-ended
	return err
}

func (f *front) each(do func(*clickConn)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.open {
		do(c)
	}
}

// A begunConn is a connection of which something was read before.
type begunConn struct {
	net.Conn
	begun []byte
}

// Read reads what was read before, and then as the connection does.
func (c *begunConn) Read(b []byte) (int, error) {
	if len(c.begun) > 0 {
		n := copy(b, c.begun)
		c.begun = c.begun[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}
