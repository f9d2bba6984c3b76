package wire

import (
	"sync"
	"time"
)

// A Direction is the way that bytes go. Both is Up and Down.
type Direction uint8

// Up leads from whoever connected to the target, Down back.
const (
	Up Direction = 1 << iota
	Down
	Both = Up | Down
)

// trouble is what happens to the bytes of one direction.
type trouble struct {
	delay time.Duration
	rate  int // bytes a second, 0 = no limit
	stall bool
	lose  bool
}

// A gate holds the trouble of one direction, and wakes whoever waits when it changes.
type gate struct {
	mu      sync.Mutex
	now     trouble
	changed chan struct{} // closed and replaced at each change
}

func newGate() *gate { return &gate{changed: make(chan struct{})} }

func (g *gate) set(change func(*trouble)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.now)
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gate) look() (trouble, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now, g.changed
}

// pass waits until a piece read at that time may go on; false when done closed first.
func (g *gate) pass(at time.Time, done <-chan struct{}) (trouble, bool) {
	for {
		now, changed := g.look()
		var due <-chan time.Time
		if !now.stall {
			rest := time.Until(at.Add(now.delay))
			if rest <= 0 {
				return now, true
			}
			timer := time.NewTimer(rest)
			defer timer.Stop() // few: one for each change at most
			due = timer.C
		}
		select {
		case <-due:
		case <-changed:
		case <-done:
			return now, false
		}
	}
}

// Delay lets every byte of a direction arrive d later, at the same rate as before.
func (p *Proxy) Delay(way Direction, d time.Duration) {
	p.each(way, func(t *trouble) { t.delay = d })
}

// Throttle limits each connection to so many bytes a second in a direction; 0 is no limit.
func (p *Proxy) Throttle(way Direction, bytesPerSecond int) {
	p.each(way, func(t *trouble) { t.rate = bytesPerSecond })
}

// Stall stops a direction: connections stay, bytes wait and are delivered after Heal. With Up in it, new connections are
// accepted and not led on to the target until then.
func (p *Proxy) Stall(way Direction) { p.each(way, func(t *trouble) { t.stall = true }) }

// Lose makes connections half-open: the bytes of a direction, and its end, vanish. Heal resets those that lost some.
func (p *Proxy) Lose(way Direction) { p.each(way, func(t *trouble) { t.lose = true }) }

// Refuse resets new connections as soon as they are there.
func (p *Proxy) Refuse() { p.refusing.Store(true) }

// Heal ends every trouble, refusing included. Connections that have lost bytes are reset, the others go on.
func (p *Proxy) Heal() {
	p.refusing.Store(false)
	p.each(Both, func(t *trouble) { *t = trouble{} })
	for _, c := range p.open() {
		if c.holed.Load() {
			c.Cut()
		}
	}
}

// Cut resets all open connections and returns how many they were.
func (p *Proxy) Cut() int {
	n := 0
	for _, c := range p.open() {
		if c.Cut() {
			n++
		}
	}
	return n
}

func (p *Proxy) each(way Direction, change func(*trouble)) {
	for _, d := range []Direction{Up, Down} {
		if way&d != 0 {
			p.gates[d].set(change)
		}
	}
}
