package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what a connection holds in memory in one direction while it is delayed or stalled.
const (
	pieceBytes = 32 << 10
	maxPieces  = 32
)

// A Conn is one connection and its other half to the target.
type Conn struct {
	Number int // counts from 1 in the order of their coming

	proxy  *Proxy
	client *net.TCPConn
	holed  atomic.Bool // bytes were lost
	done   <-chan struct{}
	finish context.CancelFunc // closes done

	mu     sync.Mutex
	server *net.TCPConn // nil until the target is reached
	over   bool

	hookMu sync.Mutex
	hook   Hook
}

// newConn takes over what was accepted. The context ends with the connection.
func (p *Proxy) newConn(ctx context.Context, client *net.TCPConn) (context.Context, *Conn) {
	ctx, finish := context.WithCancel(ctx)
	return ctx, &Conn{Number: int(p.accepted.Add(1)), proxy: p, client: client, done: ctx.Done(), finish: finish}
}

// Cut resets both halves; false when the connection was over already.
func (c *Conn) Cut() bool {
	if !c.end(true) {
		return false
	}
	c.proxy.cuts.Add(1)
	return true
}

// end closes both halves, by RST when told so: whoever waits for an answer knows at once that there will be none, and
// what was written and not sent is dropped.
func (c *Conn) end(reset bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	c.over = true
	c.finish()
	for _, half := range []*net.TCPConn{c.client, c.server} {
		if half == nil {
			continue
		}
		if reset {
			_ = half.SetLinger(0)
		}
		_ = half.Close()
	}
	return true
}

// serve leads the connection to the target and returns when it is over.
func (c *Conn) serve(ctx context.Context) {
	defer c.proxy.remove(c)
	if !c.admitted() || !c.dial(ctx) {
		c.end(true)
		return
	}
	c.proxy.mu.Lock()
	watch := c.proxy.watch
	c.proxy.mu.Unlock()
	if watch != nil {
		c.hook = watch(c)
	}
	var both sync.WaitGroup
	both.Go(func() { c.pump(Up, c.client, c.server, &c.proxy.up) })
	both.Go(func() { c.pump(Down, c.server, c.client, &c.proxy.down) })
	both.Wait()
	c.end(false) // both directions have ended, or it was reset already
}

// admitted waits while new connections are stalled.
func (c *Conn) admitted() bool {
	for {
		now, changed := c.proxy.gates[Up].look()
		if !now.stall {
			return true
		}
		select {
		case <-changed:
		case <-c.done:
			return false
		}
	}
}

func (c *Conn) dial(ctx context.Context) bool {
	server, err := (&net.Dialer{Timeout: dialLimit}).DialContext(ctx, "tcp", c.proxy.target)
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		_ = server.Close()
		return false
	}
	c.server = server.(*net.TCPConn)
	return true
}

// A piece is what one read gave, and when.
type piece struct {
	bytes []byte
	at    time.Time
}

// pump moves the bytes of one direction. A reader of its own notes when they came, so that a delay does not make the
// rate smaller. It returns when the direction has ended.
func (c *Conn) pump(way Direction, from, to *net.TCPConn, count *atomic.Int64) {
	pieces := make(chan piece, maxPieces)
	var reader sync.WaitGroup
	reader.Go(func() { c.read(from, pieces) })
	defer reader.Wait()
	g := c.proxy.gates[way]
	for p := range pieces {
		if !c.forward(way, g, p, to, count) {
			c.end(true)
			return
		}
	}
	for { // the end is delayed, stalled and lost as bytes are
		now, changed := g.look()
		if !now.stall && !now.lose {
			_ = to.CloseWrite()
			return
		}
		c.holed.Store(c.holed.Load() || now.lose)
		select {
		case <-changed:
		case <-c.done:
			return
		}
	}
}

// read ends with the stream; an error that is not its end resets the whole connection.
func (c *Conn) read(from *net.TCPConn, pieces chan<- piece) {
	defer close(pieces)
	for {
		buffer := make([]byte, pieceBytes)
		n, err := from.Read(buffer)
		if n > 0 {
			select {
			case pieces <- piece{buffer[:n], time.Now()}:
			case <-c.done:
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.end(true)
			}
			return
		}
	}
}

// forward is false when the connection is to end.
func (c *Conn) forward(way Direction, g *gate, p piece, to *net.TCPConn, count *atomic.Int64) bool {
	now, ok := g.pass(p.at, c.done)
	if !ok {
		return false
	}
	if now.lose {
		c.holed.Store(true)
		return true
	}
	fate := c.decide(way, p.bytes)
	if fate == CutBefore {
		c.Cut()
		return false
	}
	if !c.write(now.rate, p.bytes, to, count) {
		return false
	}
	if fate == CutAfter {
		c.Cut()
		return false
	}
	return true
}

func (c *Conn) decide(way Direction, bytes []byte) Fate {
	if c.hook == nil {
		return Forward
	}
	c.hookMu.Lock()
	defer c.hookMu.Unlock()
	return c.hook(way, bytes)
}

// throttleStep is how long the bytes of one write take at most while throttled.
const throttleStep = 20 * time.Millisecond

// write writes all bytes, at most rate a second when there is one.
func (c *Conn) write(rate int, bytes []byte, to *net.TCPConn, count *atomic.Int64) bool {
	for len(bytes) > 0 {
		n := len(bytes)
		if rate > 0 {
			n = min(n, max(1, int(time.Duration(rate)*throttleStep/time.Second)))
			timer := time.NewTimer(time.Duration(n) * time.Second / time.Duration(rate))
			select {
			case <-timer.C:
			case <-c.done:
				timer.Stop()
				return false
			}
		}
		k, err := to.Write(bytes[:n])
		count.Add(int64(k))
		if err != nil {
			return false
		}
		bytes = bytes[n:]
	}
	return true
}
