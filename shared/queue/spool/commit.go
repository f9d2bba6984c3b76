package spool

import (
	"errors"
	"fmt"
	"time"
)

// syncLimit is how long a click in mode Power waits for the disk.
const syncLimit = 10 * time.Second

// errSlow: the disk has not synced for syncLimit.
var errSlow = errors.New("the disk does not answer a sync")

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
		for _, f := range s.inHand() {
			if err := f.commit(); err != nil {
				s.log.Error("the spool's disk does not sync", "error", err)
			}
		}
	}
}

func (s *Spool) askCommit() {
	select {
	case s.commitNow <- struct{}{}:
	default:
	}
}

// waitSynced waits until everything before pos is durable. A click that is not is counted as unrecorded, though it may
// be found in the end.
func (f *Feed) waitSynced(pos int64) error {
	f.spool.askCommit()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.awaitSync(pos); f.committed >= pos {
		return nil
	}
	if !f.gone {
		f.lose(f.now())
	}
	return ErrFull
}

func (f *Feed) awaitSync(pos int64) {
	for f.committed < pos && f.broken == nil && !f.slow && !f.gone {
		f.synced.Wait()
	}
}

// watchSync releases who waits for a sync that does not come back.
func (f *Feed) watchSync() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.syncing.IsZero() && time.Since(f.syncing) > syncLimit && !f.slow {
		f.slow = true
		f.spool.log.Error("clicks are answered unrecorded", "error", errSlow)
		f.synced.Broadcast()
	}
}

// commit syncs what was written before the call and releases who waits for it. One goroutine at a time calls it.
func (f *Feed) commit() error {
	f.mu.Lock()
	target, n, names := f.end, len(f.unsynced), f.newNames
	var dirty []*segment
	for _, s := range f.segments {
		if s.end > f.committed || f.noted && !s.sick && f.notes(s) {
			dirty = append(dirty, s)
		}
	}
	if len(dirty) == 0 && !names || f.gone {
		f.mu.Unlock()
		return nil
	}
	f.newNames, f.noted, f.syncing = false, false, time.Now()
	f.mu.Unlock()
	err := f.sync(dirty, names)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.syncing, f.slow = time.Time{}, false
	if f.gone {
		f.synced.Broadcast()
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
	if f.committed < f.end && f.broken == nil && f.spool.o.Mode == Power {
		f.spool.askCommit()
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
	fresh, err := createSegment(f.spool.fs, f.slot.dir, f.slot.tmp("rewrite"), f.header(f.committed), f.unsynced, nil)
	if err != nil {
		f.broken = errors.Join(why, err)
		return f.broken
	}
	f.replaceFrom(fresh)
	if err := f.spool.fs.SyncDir(f.slot.dir); err != nil {
		fresh.sick = true // its name may not last: the next try writes it all again
		f.broken = errors.Join(why, err)
		return f.broken
	}
	f.spool.log.Error("a sync failed; what it was to keep is safe in another segment", "error", why, "bytes", len(f.unsynced))
	f.committed, f.unsynced, f.broken, f.newNames = f.end, f.unsynced[:0], nil, false
	return nil
}

// replaceFrom puts fresh in the place of all that stands behind its base. What was replaced stays open: somebody may be
// reading it.
func (f *Feed) replaceFrom(fresh *segment) {
	var kept []*segment
	for _, s := range f.segments {
		if s.base < fresh.base {
			s.end = min(s.end, fresh.base)
			kept = append(kept, s)
			continue
		}
		f.replaced = append(f.replaced, s.file)
		if s.path != fresh.path { // one of the same base was replaced under its name
			_ = f.spool.fs.Remove(s.path)
		}
		for i := range f.full {
			if f.full[i].at == s {
				f.full[i].at = fresh
				_ = fresh.writeGap(f.full[i].fullGap)
			}
		}
	}
	f.segments = append(kept, fresh)
}
