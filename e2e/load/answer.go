// Package load clicks. It stands before the click's way, where a recipient's browser does: an open-loop generator whose
// arrival times are fixed in advance, so a server that answers slowly does not slow the clicks that follow, and the wait
// it causes is in the latency (no coordinated omission). It has its own lean HTTP/1.1 client, so that thousands of
// clicks a second cost a small share of one core.
package load

import "time"

// Fate is what the generator knows about a click.
type Fate uint8

// Fates. Only Answered obliges the server; after Unknown it may or may not have the click.
const (
	NotSent  Fate = iota // nothing of it left, no connection could be made
	Unknown              // it was sent, in part at least, and no whole answer came
	Answered             // a 302 to the right place, received in full
	Astray               // a 302 to another place, received in full
	Other                // another status
)

// An Answer is what came of one click. Times are since the start of the load; Sent and Done are 0 for NotSent.
type Answer struct {
	Due, Sent, Done time.Duration
	Status          uint16 // 0 when there was none
	Fate            Fate
}

// Latency is from the moment at which the click was due: what its recipient felt.
func (a Answer) Latency() time.Duration { return a.Done - a.Due }

// Service is from the moment at which the click was sent: what the server took.
func (a Answer) Service() time.Duration { return a.Done - a.Sent }
