package storage

import "longtail/shared/queue"

// Owner names the process that holds a feed's lock.
type Owner [16]byte

// A Tick is a feed's state, told once a second in one transaction with the balance. Values are absolute; the database
// keeps the greatest, so a tick may be repeated.
type Tick struct {
	Feed        queue.FeedID
	Owner       Owner
	Counted     int64            // offset up to which Answered counts
	Answered    map[uint64]int64 // GETs answered so far by campaign; only those that changed
	SpoolClicks int64
	OldestMS    int64 // 0 = nothing waits
}

// Adopted is what the database knew of a feed when another owner took it over.
type Adopted struct {
	Known    bool // false: never registered, so it answered nothing
	State    FeedState
	Counted  int64
	Done     int64
	End      int64            // end_pos, or -1
	Answered map[uint64]int64 // by campaign, up to Counted
}

// FeedState is a feed's life, in the numbers of the table feeds.
type FeedState uint8

// The states of a feed.
const (
	FeedLive      FeedState = 1
	FeedSignedOff FeedState = 2
	FeedForgotten FeedState = 3
)

// Reasons of a gap: a closed set.
const (
	GapSpoolFull   = "spool_full"
	GapForgotten   = "forgotten"
	GapQuarantined = "quarantined"
	GapPowerLoss   = "power_loss"
	GapLate        = "late"
)

// A Gap is a span of time whose clicks are not all counted.
type Gap struct {
	Feed   queue.FeedID
	FromMS int64
	ToMS   int64 // 0 = open
	Clicks int64 // -1 = not known
	Reason string
}
