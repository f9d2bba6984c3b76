package click

import (
	"sync/atomic"
	"time"
)

// A Clock gives the milliseconds of event ids: the wall clock at its start plus the monotonic clock since, so that a
// step of the wall clock moves nothing in a running process. It never falls below its floor, which is the
// complete_through that the database had announced when the feed was registered.
type Clock struct {
	start time.Time // carries the monotonic reading
	wall  int64     // Unix milliseconds at start
	floor atomic.Int64
}

// NewClock starts a clock at the wall clock's present time.
func NewClock() *Clock { return NewClockAt(time.Now()) }

// NewClockAt starts a clock that takes now as the present time. now must carry a monotonic reading.
func NewClockAt(now time.Time) *Clock {
	return &Clock{start: now, wall: now.UnixMilli()}
}

// MS returns the present in Unix milliseconds. It never decreases.
func (c *Clock) MS() int64 {
	return max(c.wall+time.Since(c.start).Milliseconds(), c.floor.Load())
}

// Raise lifts the floor to ms; a lower value changes nothing.
func (c *Clock) Raise(ms int64) {
	for {
		floor := c.floor.Load()
		if ms <= floor || c.floor.CompareAndSwap(floor, ms) {
			return
		}
	}
}
