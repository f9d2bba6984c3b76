package load

import (
	"syscall"
	"time"
)

// sleepExactly sleeps for a short time. The runtime's timers wake up to 1 ms late when nothing else goes on, since they
// wait in whole milliseconds; the system's sleep does not.
func sleepExactly(d time.Duration) {
	t := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&t, nil) // cut short by a signal: the caller looks at the clock again
}
