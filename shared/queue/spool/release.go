package spool

import (
	"slices"
	"time"
)

const (
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second
)

// release takes a message back, or lets go of it.
func (f *Feed) release(o offer, err error) {
	m := o.message
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight--
	if m.From == m.To || f.gone {
		return // an empty range is worth nothing later: the next one says more
	}
	if err != nil {
		f.back = append(f.back, handed{m.From, m.To, o.attempt + 1, time.Now().Add(pauseBefore(o.attempt + 1))})
		return
	}
	f.waiting -= int64(m.Clicks)
	f.done[m.From] = m.To
	before := f.confirmed
	f.advance()
	if f.confirmed == before {
		return
	}
	if f.confirmed >= f.end {
		f.waiting = 0
	}
	f.noteConfirmed()
	if len(f.segments) > 1 {
		f.spool.tidy()
	}
}

// advance moves confirmed over what is done without a hole.
func (f *Feed) advance() {
	for {
		to, ok := f.done[f.confirmed]
		if !ok {
			return
		}
		delete(f.done, f.confirmed)
		delete(f.passed, f.confirmed)
		f.confirmed = to
	}
}

// noteConfirmed writes it into the header of the segment in which it lies.
func (f *Feed) noteConfirmed() {
	for i, s := range slices.Backward(f.segments) {
		if s.base < f.confirmed || i == 0 {
			if !s.alien {
				s.writeConfirmed(f.confirmed)
			}
			return
		}
	}
}

// pauseBefore is the wait before an attempt: the second follows at once, later ones ever more slowly.
func pauseBefore(attempt int) time.Duration {
	if attempt <= 2 {
		return 0
	}
	return min(firstPause<<min(attempt-3, 10), lastPause)
}
