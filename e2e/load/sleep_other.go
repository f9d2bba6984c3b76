//go:build !linux

package load

import "time"

// sleepExactly sleeps for a short time, as exactly as the runtime can.
func sleepExactly(d time.Duration) { time.Sleep(d) }
