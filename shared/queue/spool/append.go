package spool

import (
	"fmt"

	"longtail/shared/click"
)

func (f *Feed) append(c *click.Click) error {
	f.mu.Lock()
	if f.sealed {
		f.mu.Unlock()
		return f.spool.afterSeal(f, c)
	}
	// The time is taken under the mutex that reserves the place: file order is time order.
	ms := max(f.spool.o.Clock.MS(), f.lastMS)
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
	f.spool.signal()
	if f.spool.o.Mode == Power {
		return f.waitSynced(pos)
	}
	return nil
}

// afterSeal gives a click to the feed that took the sealed one's place.
func (s *Spool) afterSeal(sealed *Feed, c *click.Click) error {
	if now := s.Live(); now != sealed {
		return now.append(c)
	}
	s.metrics.lost.Add(1)
	return ErrSealed
}

// write appends a frame to the last segment, or to a new one.
func (f *Feed) write(frame []byte) error {
	n := int64(len(frame))
	s := f.spool
	if f.broken != nil || s.used.Load()+n > s.o.MaxBytes {
		return ErrFull
	}
	tail := f.segments[len(f.segments)-1]
	if tail.sick || tail.end > tail.base && tail.end-tail.base+n > s.o.SegmentBytes {
		if err := f.roll(); err != nil {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
		tail = f.segments[len(f.segments)-1]
	}
	if _, err := tail.file.WriteAt(frame, tail.at(f.end)); err != nil {
		// Part of the frame may stand there; the next one overwrites it.
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	f.end += n
	tail.end = f.end
	f.unsynced = append(f.unsynced, frame...)
	s.used.Add(n)
	if tail.end-tail.base > s.o.SegmentBytes/2 {
		s.prepare()
	}
	return nil
}

// roll begins the next segment, in the file that was prepared for it where there is one.
func (f *Feed) roll() error {
	ready := f.spool.takeReady()
	tmp := f.slot.tmp("roll")
	if ready != nil {
		tmp = f.slot.tmp("next")
	}
	next, err := createSegment(f.spool.fs, f.slot.dir, tmp, f.id, f.end, ready)
	if err != nil {
		return err
	}
	f.segments = append(f.segments, next)
	f.newNames = true
	return nil
}

// lose counts a click that is answered and not recorded, on the disk before the answer: the header's place is allocated,
// so that a full disk does not keep it out.
func (f *Feed) lose(ms int64) {
	if f.full.n == 0 {
		f.full = fullGap{from: ms}
		f.fullAt = f.segments[len(f.segments)-1]
	}
	f.full.n++
	f.full.to = ms + 1
	f.lastMS = ms
	if err := f.fullAt.writeGap(f.full); err != nil {
		f.spool.log.Error("a gap could not be noted on the disk", "error", err)
	}
	f.spool.metrics.lost.Add(1)
}

// prepare asks for the next segment's file.
func (s *Spool) prepare() {
	if s.asked.Load() || !s.asked.CompareAndSwap(false, true) {
		return
	}
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

func (s *Spool) takeReady() File {
	if ready := s.ready.Swap(nil); ready != nil {
		s.asked.Store(false)
		return *ready
	}
	return nil
}

// prepareLoop allocates the next segment's file ahead of time, so that a full disk shows before it hurts.
func (s *Spool) prepareLoop() {
	for {
		select {
		case <-s.quit:
			if ready := s.takeReady(); ready != nil {
				_ = ready.Close()
				_ = s.fs.Remove(s.slot.tmp("next"))
			}
			return
		case <-s.wanted:
			s.allocateNext()
		}
	}
}

func (s *Spool) allocateNext() {
	f, err := s.fs.Create(s.slot.tmp("next"))
	if err == nil {
		if err = f.Allocate(headerSize + s.o.SegmentBytes); err == nil {
			s.ready.Store(&f)
			return
		}
		_ = f.Close()
		_ = s.fs.Remove(s.slot.tmp("next"))
	}
	s.log.Warn("the disk has no room for the next segment", "error", err)
	s.asked.Store(false)
}
