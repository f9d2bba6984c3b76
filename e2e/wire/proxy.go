package wire

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// dialLimit is how long the target may take to accept.
const dialLimit = 5 * time.Second

// A Proxy forwards every connection to one target. Its methods may be called from any goroutine; it serves until Close.
type Proxy struct {
	target   string
	listener *net.TCPListener
	gates    map[Direction]*gate // Up and Down
	refusing atomic.Bool

	accepted, cuts atomic.Int64
	up, down       atomic.Int64

	mu    sync.Mutex
	watch Watcher
	conns map[*Conn]bool // nil after Close
	wg    sync.WaitGroup
}

// A Watcher is asked for each new connection and returns what sees its bytes; nil sees nothing. It is called from the
// connection's own goroutine.
type Watcher func(c *Conn) Hook

// A Hook sees each piece of a connection before it goes on, in its order, and says what becomes of it. Calls for one
// connection never overlap, whatever the directions. The piece is only valid during the call.
type Hook func(way Direction, piece []byte) Fate

// A Fate is what becomes of a piece and its connection.
type Fate uint8

// What a hook can decide.
const (
	Forward   Fate = iota
	CutBefore      // the piece is not forwarded, and the connection is reset on both sides
	CutAfter       // the piece is forwarded first
)

// Listen starts a proxy to a target such as "127.0.0.1:3306", on a free port of 127.0.0.1. The target is connected to
// for each connection anew, so it may be away for a while: connections are reset then.
func Listen(target string) (*Proxy, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy to %s: %w", target, err)
	}
	p := &Proxy{
		target: target, listener: l, conns: map[*Conn]bool{}, gates: map[Direction]*gate{Up: newGate(), Down: newGate()},
	}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens, as host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Port is where the proxy listens.
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Watch sets who sees the bytes of connections that are accepted from now on; nil is nobody.
func (p *Proxy) Watch(w Watcher) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch = w
}

// Accepted is how many connections there were, those that were refused included.
func (p *Proxy) Accepted() int { return int(p.accepted.Load()) }

// Cuts is how many connections the proxy has reset: by Cut, Heal, Refuse or a hook.
func (p *Proxy) Cuts() int { return int(p.cuts.Load()) }

// Open is how many connections there are.
func (p *Proxy) Open() int { return len(p.open()) }

// Bytes is how many were forwarded in a direction, or in both.
func (p *Proxy) Bytes(way Direction) (n int64) {
	if way&Up != 0 {
		n += p.up.Load()
	}
	if way&Down != 0 {
		n += p.down.Load()
	}
	return n
}

// Close ends the proxy with all of its connections and goroutines. Closing twice is no error.
func (p *Proxy) Close() error {
	p.mu.Lock()
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	if conns == nil {
		return nil
	}
	err := p.listener.Close()
	for c := range conns {
		c.end(true)
	}
	p.wg.Wait()
	return err
}

func (p *Proxy) open() []*Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*Conn, 0, len(p.conns))
	for c := range p.conns {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Conn) int { return a.Number - b.Number })
	return all
}

// accept ends when the listener is closed.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.AcceptTCP()
		if err != nil {
			return
		}
		ctx, c := p.newConn(context.Background(), client) // Close ends it
		if p.refusing.Load() {
			c.Cut()
		} else if p.add(c) {
			p.wg.Go(func() { c.serve(ctx) })
		} else {
			c.end(true)
		}
	}
}

// add is false after Close.
func (p *Proxy) add(c *Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Proxy) remove(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}
