// Package queue is the hand-over on the click's way: what one keeper gives to the next, and the promise that goes
// with it. The spool, RabbitMQ and the embedded mode all speak it, so that ingest does not know which of them it
// stands behind. queuetest is the suite that each of them passes.
package queue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
)

// Bounds of one message. A message always holds whole frames, at least one unless it is an empty range.
const (
	MaxClicks = 500
	MaxBytes  = 64 << 10
)

// A FeedID names one opening of a spool slot: an append-only run of offsets from 0, written by one process.
type FeedID [16]byte

// String returns the id as 32 lower-case hexadecimal digits.
func (f FeedID) String() string { return hex.EncodeToString(f[:]) }

// ParseFeedID reads what String wrote.
func ParseFeedID(s string) (FeedID, error) {
	var f FeedID
	if n, err := hex.Decode(f[:], []byte(s)); err != nil || n != len(f) {
		return f, fmt.Errorf("feed id %q: want 32 hexadecimal digits", s)
	}
	return f, nil
}

// A Message is a copied slice of a feed.
type Message struct {
	Feed     FeedID
	From, To int64 // offsets in the feed, [From, To)
	// UptoMS is the feed's watermark behind this message: every click of the feed whose id lies below it stands
	// before To. It is what makes complete_through true, never a clock read on the way.
	UptoMS int64
	// Frames holds the whole frames of package click that could be read in [From, To). It may be empty: an idle feed
	// sends an empty range each second, and a range may cover bytes that were quarantined. The receiver owns it.
	Frames []byte
	// Clicks is the number of frames, or 0 where the carrier does not know it.
	Clicks int
}

// A Delivery is a message in the hands of the next keeper.
type Delivery struct {
	Message
	// Attempt is 1 at first and grows with each redelivery, as far as the source can know it.
	Attempt int

	once    sync.Once
	release func(error)
}

// NewDelivery makes a delivery whose Done calls release once.
func NewDelivery(m Message, attempt int, release func(error)) *Delivery {
	return &Delivery{Message: m, Attempt: attempt, release: release}
}

// Done ends the caller's keeping of the message.
//
// Done(nil) promises that the next keeper has every click of the message on disk or committed; the source may now
// forget them. Done(err) hands the message back: the source keeps it and delivers it again, later and perhaps to
// somebody else. Only the first call counts. It may be called from any goroutine and does not wait for the network.
func (d *Delivery) Done(err error) { d.once.Do(func() { d.release(err) }) }

// ErrClosed is returned by a source that was closed and delivers nothing more.
var ErrClosed = errors.New("queue is closed")

// A Source delivers messages at least once.
type Source interface {
	// Receive waits for the next delivery. It returns ctx's error when ctx ends and ErrClosed after Close. A source
	// delivers no more than its window of messages that are not Done yet. Deliveries of one feed start in the order of
	// their offsets; a redelivery comes out of order.
	Receive(ctx context.Context) (*Delivery, error)
}
