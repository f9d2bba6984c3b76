package spool

import (
	"errors"
	"fmt"
	"time"
)

// commitLoop makes what is written durable: in mode Power as soon as somebody waits, in mode Kill once a second, which
// bounds what a loss of power can take. A sync costs the callers of Append nothing: it runs beside the writes.
func (s *Spool) commitLoop() {
	ticker := time.NewTicker(s.o.SyncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-ticker.C:
		case <-s.commitNow:
		}
		if err := s.Live().commit(); err != nil {
			s.log.Error("the spool's disk does not sync", "error", err)
		}
	}
}

// waitSynced waits until everything before pos is durable.
func (f *Feed) waitSynced(pos int64) error {
	select {
	case f.spool.commitNow <- struct{}{}:
	default:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.committed < pos && f.broken == nil {
		f.synced.Wait()
	}
	if f.committed < pos {
		f.spool.metrics.lost.Add(1)
		return fmt.Errorf("%w: %w", ErrFull, f.broken)
	}
	return nil
}

// commit syncs what was written before the call and releases who waits for it.
func (f *Feed) commit() error {
	f.mu.Lock()
	target, n, names := f.end, len(f.unsynced), f.newNames
	var dirty []*segment
	for _, s := range f.segments {
		if s.end > f.committed {
			dirty = append(dirty, s)
		}
	}
	f.newNames = false
	f.mu.Unlock()
	if n == 0 && !names {
		return nil
	}
	err := f.sync(dirty, names)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return nil
	}
	if err != nil {
		f.newNames = true
		err = f.rewrite(dirty, err)
	} else {
		f.committed = target
		f.unsynced = f.unsynced[:copy(f.unsynced, f.unsynced[n:])]
	}
	f.synced.Broadcast()
	if f.committed < f.end && f.spool.o.Mode == Power {
		select {
		case f.spool.commitNow <- struct{}{}:
		default:
		}
	}
	return err
}

// sync syncs files first and names behind them: a name without its content would be a torn segment.
func (f *Feed) sync(dirty []*segment, names bool) error {
	for _, s := range dirty {
		if s.sick {
			return fmt.Errorf("segment %s is sealed after a failed sync", s.path)
		}
		if err := s.file.Sync(); err != nil {
			return fmt.Errorf("sync %s: %w", s.path, err)
		}
	}
	if names {
		if err := f.spool.fs.SyncDir(f.slot.dir); err != nil {
			return fmt.Errorf("sync folder: %w", err)
		}
	}
	return nil
}

// rewrite answers a failed sync. The kernel may have dropped the pages and forgotten the error, so the same file is
// never synced again: its segments are sealed where the last good sync left them, and what came after is written from
// memory to a new one. Appends wait meanwhile. When that fails too, nothing is recorded until a later try succeeds.
func (f *Feed) rewrite(dirty []*segment, why error) error {
	f.spool.metrics.failedSyncs.Inc()
	for _, s := range dirty {
		s.sick = true
	}
	fresh, err := createSegment(f.spool.fs, f.slot.dir, f.slot.tmp("rewrite"), f.id, f.committed, nil)
	if err != nil {
		f.broken = errors.Join(why, err)
		return f.broken
	}
	_, err = fresh.file.WriteAt(f.unsynced, headerSize)
	if err == nil {
		err = errors.Join(fresh.file.Sync(), f.spool.fs.SyncDir(f.slot.dir))
	}
	if err != nil {
		f.broken = errors.Join(why, err, fresh.file.Close(), f.spool.fs.Remove(fresh.path))
		return f.broken
	}
	f.spool.log.Error("a sync failed; what it was to keep is safe in another segment", "error", why, "bytes", len(f.unsynced))
	fresh.end = f.end
	kept := f.segments[:0]
	for _, s := range f.segments {
		if s.base >= f.committed { // wholly in the new one; one of the same base was replaced under its name
			_ = s.file.Close()
			if s.path != fresh.path {
				_ = f.spool.fs.Remove(s.path)
			}
			continue
		}
		s.end = min(s.end, f.committed)
		kept = append(kept, s)
	}
	f.segments = append(kept, fresh)
	f.fullAt = nil
	if f.full.n > 0 {
		f.fullAt = fresh
		_ = fresh.writeGap(f.full)
	}
	f.committed, f.unsynced, f.broken, f.newNames = f.end, f.unsynced[:0], nil, false
	return nil
}
