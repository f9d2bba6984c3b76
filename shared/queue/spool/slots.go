package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// maxSlots bounds the search for a free one.
const maxSlots = 1000

// A slot is a folder and its lock.
type slot struct {
	name   string
	dir    string
	unlock func() error
	left   []*Feed // found here and not told by Adopt yet
}

// tmp names a file that is not a segment yet; each maker has a name of its own.
func (sl *slot) tmp(maker string) string { return filepath.Join(sl.dir, maker+".tmp") }

// firstFree takes the first slot that nobody holds.
func (s *Spool) firstFree(ctx context.Context) (*slot, error) {
	for n := range maxSlots {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sl, err := s.take(strconv.Itoa(n))
		if err != nil {
			return nil, err
		}
		if sl != nil {
			return sl, nil
		}
	}
	return nil, fmt.Errorf("all %d slots of %s are taken", maxSlots, s.o.Dir)
}

// take locks a slot and opens the feeds in it; nil means that another process has it.
func (s *Spool) take(name string) (*slot, error) {
	sl := &slot{name: name, dir: filepath.Join(s.o.Dir, name)}
	if err := s.fs.MkdirAll(sl.dir); err != nil {
		return nil, fmt.Errorf("make slot: %w", err)
	}
	var free bool
	var err error
	if sl.unlock, free, err = s.fs.Lock(filepath.Join(sl.dir, "lock")); err != nil || !free {
		return nil, err
	}
	if err := errors.Join(s.load(sl), s.fs.SyncDir(s.o.Dir)); err != nil {
		return nil, errors.Join(fmt.Errorf("open slot %s: %w", name, err), sl.unlock())
	}
	return sl, nil
}

// load opens the feeds that were left in a slot. A signed-off one is removed.
func (s *Spool) load(sl *slot) error {
	names, err := s.fs.ReadDir(sl.dir)
	if err != nil {
		return err
	}
	byFeed := map[queue.FeedID][]*segment{}
	for _, name := range names {
		path := filepath.Join(sl.dir, name)
		if filepath.Ext(name) == ".tmp" {
			if err := s.fs.Remove(path); err != nil {
				return err
			}
		}
		feed, base, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		seg, known, err := openSegment(s.fs, path, feed, base)
		if err != nil {
			return fmt.Errorf("open %s: %w", name, err)
		}
		if !known {
			if err := s.setAside(sl, seg, name); err != nil {
				return err
			}
			continue
		}
		byFeed[feed] = append(byFeed[feed], seg)
	}
	for feed, segments := range byFeed {
		if err := s.reopen(sl, feed, segments); err != nil {
			return err
		}
	}
	return nil
}

// setAside keeps a segment of a version that is not ours, whole.
func (s *Spool) setAside(sl *slot, seg *segment, name string) error {
	dir := quarantineDir(sl.dir)
	if err := errors.Join(seg.file.Close(), s.fs.MkdirAll(dir)); err != nil {
		return err
	}
	s.log.Error("a segment has a version that this program does not know; it is kept", "segment", name)
	return errors.Join(s.fs.Rename(seg.path, filepath.Join(dir, name)), s.fs.SyncDir(dir), s.fs.SyncDir(sl.dir))
}

// reopen makes a feed of the segments that another opening wrote.
func (s *Spool) reopen(sl *slot, id queue.FeedID, segments []*segment) error {
	slices.SortFunc(segments, func(a, b *segment) int { return cmp.Compare(a.base, b.base) })
	last := segments[len(segments)-1]
	f := s.newFeed(sl)
	f.id, f.sealed, f.segments = id, true, segments
	if last.head.flags&flagSignedOff != 0 {
		for _, seg := range segments {
			s.used.Add(seg.end - seg.base)
		}
		return f.remove()
	}
	if err := f.cutTail(last); err != nil {
		return err
	}
	f.confirmed = segments[0].base // what stood before was handed over: only that is removed
	for i, seg := range segments {
		if i+1 < len(segments) {
			seg.end = min(seg.end, segments[i+1].base)
		}
		f.confirmed = max(f.confirmed, seg.head.confirmed)
		if seg.head.gap.n > 0 {
			f.full, f.fullAt = seg.head.gap, seg
		}
		s.used.Add(seg.end - seg.base)
	}
	f.end, f.committed = last.end, last.end
	f.confirmed = min(f.confirmed, f.end)
	f.next = f.confirmed
	sl.left = append(sl.left, f)
	return nil
}

// cutTail ends the last segment behind its last good frame: what follows is a write that was never answered, or damage;
// its bytes are kept.
func (f *Feed) cutTail(last *segment) error {
	end := last.base
	if err := last.scan(last.base, func(x found) error {
		if x.payload != nil {
			end = x.to
		}
		return nil
	}); err != nil {
		return err
	}
	if end == last.end {
		return nil
	}
	f.keepBytes(last, &hole{from: end, to: last.end}, nil)
	if err := last.file.Truncate(last.at(end)); err != nil {
		return fmt.Errorf("cut the torn tail: %w", err)
	}
	last.end = end
	return last.file.Sync()
}

// Adopt locks the slots that nobody holds and returns the feeds that were found in them, and in this process's own slot,
// and not told before. A feed is delivered once Recount and Deliver were called.
func (s *Spool) Adopt(ctx context.Context) ([]*Feed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, queue.ErrClosed
	}
	err := s.lockFree(ctx)
	var feeds []*Feed
	for _, sl := range append([]*slot{s.slot}, s.others()...) {
		feeds = append(feeds, sl.left...)
		sl.left = nil
	}
	for _, f := range feeds {
		if !slices.Contains(s.feeds, f) {
			s.feeds = append(s.feeds, f)
		}
	}
	return feeds, err
}

func (s *Spool) others() []*slot {
	list := make([]*slot, 0, len(s.slots))
	for _, sl := range s.slots {
		list = append(list, sl)
	}
	return list
}

func (s *Spool) lockFree(ctx context.Context) error {
	names, err := s.fs.ReadDir(s.o.Dir)
	if err != nil {
		return fmt.Errorf("look for slots: %w", err)
	}
	for _, name := range names {
		if _, err := strconv.Atoi(name); err != nil || name == s.slot.name || s.slots[name] != nil || ctx.Err() != nil {
			continue
		}
		sl, err := s.take(name)
		if err != nil {
			return err
		}
		if sl == nil {
			continue
		}
		if len(sl.left) == 0 {
			if err := sl.unlock(); err != nil {
				return err
			}
			continue
		}
		s.slots[name] = sl
	}
	return ctx.Err()
}

// drop forgets a feed that is signed off, and gives an adopted slot back once it is empty.
func (s *Spool) drop(f *Feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feeds = slices.DeleteFunc(s.feeds, func(x *Feed) bool { return x == f })
	if f.slot == s.slot || s.slots[f.slot.name] != f.slot {
		return
	}
	if len(f.slot.left) == 0 && !slices.ContainsFunc(s.feeds, func(x *Feed) bool { return x.slot == f.slot }) {
		delete(s.slots, f.slot.name)
		if err := f.slot.unlock(); err != nil {
			s.log.Warn("an empty slot could not be given back", "slot", f.slot.name, "error", err)
		}
	}
}

// Recount sets what an adopted feed has answered: base, which the database has, and the distinct GETs of the frames from
// pos on. A file that ends before pos or end has lost its tail: what is missing becomes a gap.
func (f *Feed) Recount(base map[uint64]int64, pos, end int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.counts)
	clear(f.told)
	for campaign, n := range base {
		f.counts[campaign], f.told[campaign] = n, n
	}
	f.counted, f.waiting = pos, 0
	seen := map[click.ID]bool{}
	for _, s := range f.segments {
		if err := s.scan(s.base, func(x found) error {
			if x.bad || x.pos >= s.end {
				return nil
			}
			f.tally(x, pos, seen)
			return nil
		}); err != nil {
			return err
		}
	}
	f.end = max(f.end, pos, end)
	f.nextBeat = time.Now()
	return nil
}

func (f *Feed) tally(x found, pos int64, seen map[click.ID]bool) {
	if x.pos >= f.confirmed {
		f.waiting++
	}
	if x.pos < pos {
		return
	}
	c, err := click.Decode(x.payload)
	if err != nil || !c.Counts() || seen[c.ID] {
		return
	}
	seen[c.ID] = true
	f.counts[c.Campaign]++
}
