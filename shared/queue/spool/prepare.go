package spool

import (
	"strconv"
	"time"
)

// janitor does beside the clicks what takes its time: it allocates the next segment's file ahead, so that a full disk
// shows before it hurts, and removes segments that are handed over and counted.
func (s *Spool) janitor() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-s.quit:
			if ready := s.takeReady(); ready != nil {
				_ = ready.Close()
				_ = s.fs.Remove(ready.path)
			}
			return
		case <-s.untidy:
		case <-ticker.C:
		}
		if s.ready.Load() == nil && s.asked.Load() {
			s.allocateNext()
		}
		for _, f := range s.inHand() {
			f.unlink()
			f.watchSync()
		}
	}
}

// tidy wakes the janitor.
func (s *Spool) tidy() {
	select {
	case s.untidy <- struct{}{}:
	default:
	}
}

// A prepared file is allocated and waits to become a segment. Its name is its own: the next one may be made while it is
// still being renamed.
type prepared struct {
	File
	path string
}

func (s *Spool) takeReady() *prepared {
	ready := s.ready.Swap(nil)
	if ready != nil {
		s.asked.Store(false)
	}
	return ready
}

func (s *Spool) allocateNext() {
	s.made++
	name := s.slot.tmp("next." + strconv.Itoa(s.made))
	f, err := s.fs.Create(name)
	if err == nil {
		if err = f.Allocate(headerSize + s.o.SegmentBytes); err == nil {
			s.ready.Store(&prepared{f, name})
			s.noRoom = false
			return
		}
		_ = f.Close()
		_ = s.fs.Remove(name)
	}
	if !s.noRoom {
		s.noRoom = true
		s.log.Warn("the disk has no room for the next segment", "error", err)
	}
}

// unlink removes the segments that are handed over, counted and not waiting for a sync or a gap's row, but never the
// last one. The oldest goes first, and its name is gone for good before the next follows: after a loss of power no more
// than one comes back.
func (f *Feed) unlink() {
	for {
		s := f.detachFirst()
		if s == nil {
			return
		}
		if err := f.spool.fs.Remove(s.path); err != nil {
			f.spool.log.Warn("a delivered segment could not be removed", "segment", s.path, "error", err)
		}
		if err := f.spool.fs.SyncDir(f.slot.dir); err != nil {
			f.spool.log.Warn("sync folder", "error", err)
		}
		f.spool.used.Add(s.base - s.end)
	}
}

func (f *Feed) detachFirst() *segment {
	f.reading.Lock()
	defer f.reading.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	free := min(f.confirmed, f.counted, f.committed)
	if f.gone || len(f.segments) < 2 || f.segments[1].base > free || f.notes(f.segments[0]) {
		return nil
	}
	s := f.segments[0]
	f.segments = append(f.segments[:0:0], f.segments[1:]...)
	_ = s.file.Close()
	return s
}

func (f *Feed) notes(s *segment) bool {
	for _, n := range f.full {
		if n.at == s {
			return true
		}
	}
	return false
}
