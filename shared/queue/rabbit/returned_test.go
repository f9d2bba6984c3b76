package rabbit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// flapEvery is how long the queue stays, and how long it stays away: ten times a second it goes.
const flapEvery = 50 * time.Millisecond

// A flapping broker has its queue or not. Without it a message is given back and then confirmed all the same, which is
// no proof of anything.
type flapping struct {
	kept     []atomic.Bool
	returned atomic.Int64
	gone     atomic.Int64 // times that the queue was taken away
	begun    sync.Once
	began    chan struct{} // closed with the first message, in the midst of the others
}

func (f *flapping) answer(c *fakeConn, in <-chan published) {
	for p := range in {
		f.begun.Do(func() { c.broker.queueThere.Store(false); close(f.began) })
		if !p.there {
			f.returned.Add(1)
			c.giveBack(&p)
			continue
		}
		f.kept[p.number].Store(true)
		c.ack(p.channel, p.tag, false)
	}
}

// flap takes the queue away and gives it back until end is closed.
func (f *flapping) flap(b *fakeBroker, end <-chan struct{}) {
	select {
	case <-f.began:
	case <-end:
		return
	}
	tick := time.NewTicker(flapEvery)
	defer tick.Stop()
	for there := false; ; there = !there {
		if !there && b.queueThere.Load() {
			f.gone.Add(1)
		}
		b.queueThere.Store(there)
		select {
		case <-tick.C:
		case <-end:
			return
		}
	}
}

// The queue goes and comes ten times a second while it is published to: no message that was given back is ever marked
// as delivered, and all are in the end.
func TestD14QueueComesAndGoes(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	total := full(100_000, 600)
	f := &flapping{kept: make([]atomic.Bool, total), began: make(chan struct{})}
	fake := newFakeBroker(t, f.answer)
	end := make(chan struct{})
	var flapper sync.WaitGroup
	flapper.Go(func() { f.flap(fake, end) })
	l := newLedger(total, func(number int) bool { return f.kept[number].Load() })
	begin := time.Now()
	publishAll(t, fake.url(), l)
	took := time.Since(begin)
	close(end)
	flapper.Wait()
	fake.close()
	goleak.VerifyNone(t, leaks)
	t.Logf("row: D14 seed=%d plan=%08x struck=%d acked=%d rows=%d lost=0 dup=0 unexpected=0 what=%q", faultSeed(), total, f.returned.Load(), l.delivered, total,
		fmt.Sprintf("messages given back %d; the queue went away %d times in %v; publishes %d; wrong marks %d", f.returned.Load(), f.gone.Load(), took.Round(time.Millisecond), l.attempts, len(l.wrong)))
	if f.returned.Load() == 0 {
		t.Error("no message was given back: nothing was shown")
	}
}
