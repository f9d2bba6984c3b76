package spool

import (
	"fmt"
	"time"

	"longtail/shared/click"
)

func (f *Feed) append(c *click.Click) error {
	f.mu.Lock()
	if f.sealed {
		f.mu.Unlock()
		return f.spool.afterSeal(f, c)
	}
	// The time is taken under the mutex that reserves the place: file order is time order.
	ms := f.now()
	c.ID = click.NewID(ms)
	f.buf = click.AppendFrame(f.buf[:0], c)
	if err := f.write(f.buf); err != nil {
		f.lose(ms)
		f.mu.Unlock()
		return err
	}
	f.lastMS = ms
	f.waiting++
	if c.Counts() {
		f.counts[c.Campaign]++
	}
	pos := f.end
	f.mu.Unlock()
	f.spool.metrics.recorded.Add(1)
	f.spool.feedHungry()
	if f.spool.o.Mode == Power {
		return f.waitSynced(pos)
	}
	return nil
}

// now needs the feed's mutex.
func (f *Feed) now() int64 { return max(f.spool.o.Clock.MS(), f.lastMS) }

// afterSeal gives a click to the feed that took the sealed one's place.
func (s *Spool) afterSeal(sealed *Feed, c *click.Click) error {
	if now := s.Live(); now != sealed {
		return now.append(c)
	}
	s.metrics.lost.Add(1)
	return ErrSealed
}

// write appends a frame to the last segment, or to a new one. Once an error stands in the way it is the same one until
// it is gone, so that a full spool costs no allocation and no log line for each click.
func (f *Feed) write(frame []byte) error {
	n := int64(len(frame))
	s := f.spool
	if f.broken != nil || s.used.Load()+n > s.o.MaxBytes {
		return ErrFull
	}
	tail := f.segments[len(f.segments)-1]
	if tail.sick || tail.end > tail.base && tail.end-tail.base+n > s.o.SegmentBytes {
		if err := f.roll(); err != nil {
			return f.refuse("no next segment", err)
		}
		tail = f.segments[len(f.segments)-1]
	}
	if _, err := tail.file.WriteAt(frame, tail.at(f.end)); err != nil {
		// Part of the frame may stand there; the next one overwrites it.
		return f.refuse("no write", err)
	}
	if f.refused {
		f.refused = false
		s.log.Info("the spool's disk takes clicks again")
	}
	f.end += n
	tail.end = f.end
	f.unsynced = append(f.unsynced, frame...)
	s.used.Add(n)
	if tail.end-tail.base > s.o.SegmentBytes/2 && s.asked.CompareAndSwap(false, true) {
		s.tidy()
	}
	return nil
}

func (f *Feed) refuse(what string, err error) error {
	if !f.refused {
		f.refused = true
		f.spool.log.Error("the spool's disk takes no clicks: people are redirected and counted as unrecorded", "what", what, "error", err)
	}
	return ErrFull
}

// rollPause is the wait after a segment that could not be made: a full disk is not asked for each click.
const rollPause = 100 * time.Millisecond

// roll begins the next segment, in the file that was prepared for it where there is one.
func (f *Feed) roll() error {
	ready := f.spool.takeReady()
	tmp := f.slot.tmp("roll")
	if ready != nil {
		tmp = ready.path
	} else if f.rollError != nil && time.Since(f.rolledAt) < rollPause {
		return f.rollError
	}
	var file File
	if ready != nil {
		file = ready.File
	}
	next, err := createSegment(f.spool.fs, f.slot.dir, tmp, f.header(f.end), nil, file)
	if f.rollError = err; err != nil {
		f.rolledAt = time.Now()
		return fmt.Errorf("roll: %w", err)
	}
	f.segments = append(f.segments, next)
	f.newNames = true
	return nil
}

func (f *Feed) header(base int64) header {
	return header{feed: f.id, base: base}
}

// lose counts a click that is answered and not recorded, on the disk before the answer: the header's place is allocated,
// so that a full disk does not keep it out.
func (f *Feed) lose(ms int64) {
	if len(f.full) == 0 {
		f.full = append(f.full, note{fullGap{from: ms}, f.segments[len(f.segments)-1]})
	}
	gap := &f.full[0]
	gap.n++
	gap.to = ms + 1
	f.lastMS, f.noted = ms, true
	if err := gap.at.writeGap(gap.fullGap); err != nil {
		_ = f.refuse("no note of a gap", err)
	}
	f.spool.metrics.lost.Add(1)
}
