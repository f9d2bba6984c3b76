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

// load opens the feeds that were left in a slot. A signed-off one is removed; one that cannot be opened is left as it is
// and does not keep the others back.
func (s *Spool) load(sl *slot) error {
	names, err := s.fs.ReadDir(sl.dir)
	if err != nil {
		return err
	}
	byFeed, unread := map[queue.FeedID][]*segment{}, map[queue.FeedID]bool{}
	for _, name := range names {
		if filepath.Ext(name) == ".tmp" {
			_ = s.fs.Remove(filepath.Join(sl.dir, name)) // else it is used again
		}
		feed, base, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		seg, err := s.openSegment(filepath.Join(sl.dir, name), feed, base)
		if err != nil {
			s.log.Error("a segment cannot be opened: its feed stays as it is", "segment", name, "error", err)
			unread[feed] = true
			continue
		}
		byFeed[feed] = append(byFeed[feed], seg)
	}
	for feed, segments := range byFeed {
		f := s.reopen(sl, feed, segments)
		if unread[feed] {
			_ = f.close()
			continue
		}
		s.enlist(sl, f)
	}
	return nil
}

// enlist takes a reopened feed in hand, or removes it when it was signed off.
func (s *Spool) enlist(sl *slot, f *Feed) {
	for _, seg := range f.segments {
		s.used.Add(seg.end - seg.base)
	}
	if f.segments[len(f.segments)-1].head.flags&flagSignedOff == 0 {
		sl.left = append(sl.left, f)
		return
	}
	if err := f.remove(); err != nil {
		s.log.Warn("a feed that was signed off could not be removed", "feed", f.id.String(), "error", err)
	}
}

func (s *Spool) openSegment(path string, feed queue.FeedID, base int64) (*segment, error) {
	seg, health, err := openSegment(s.fs, path, feed, base)
	switch {
	case err != nil:
		return nil, err
	case health == headerAlien:
		s.log.Error("a segment has a version that this program does not know; it is kept", "segment", path)
	case health == headerDamaged:
		s.metrics.quarantined.WithLabelValues(kindHeader).Inc()
		s.log.Error("a segment's header is damaged and written anew from the file's name", "segment", path)
		if _, err := seg.file.WriteAt(seg.head.encode(), 0); err != nil {
			s.log.Warn("the header could not be written", "segment", path, "error", err)
		}
	}
	return seg, nil
}

// reopen makes a feed of the segments that another opening wrote.
func (s *Spool) reopen(sl *slot, id queue.FeedID, segments []*segment) *Feed {
	slices.SortFunc(segments, func(a, b *segment) int { return cmp.Compare(a.base, b.base) })
	f := s.newFeed(sl)
	f.id, f.sealed, f.segments = id, true, segments
	last := segments[len(segments)-1]
	if last.head.flags&flagSignedOff == 0 {
		f.cutTail(last)
	}
	f.confirmed = segments[0].base // what stood before was handed over: only that is removed
	for i, seg := range segments {
		if i+1 < len(segments) {
			seg.end = min(seg.end, segments[i+1].base)
		}
		f.confirmed = max(f.confirmed, seg.head.confirmed)
		if err := seg.file.Sync(); err != nil { // the process that wrote it may have died before it synced
			seg.sick = true
			s.log.Error("a segment that was left behind does not sync", "segment", seg.path, "error", err)
		}
		if seg.head.full.n > 0 {
			f.full = append(f.full, note{seg.head.full, seg})
		}
	}
	f.end, f.committed = last.end, last.end
	f.confirmed = min(f.confirmed, f.end)
	f.next = f.confirmed
	return f
}

// cutTail ends the last segment behind its last good frame: what follows is a write that was never answered, or damage.
// Its bytes are kept, and named in a gap. A disk that does not let us cut is no reason not to deliver what is good.
func (f *Feed) cutTail(last *segment) {
	if last.alien {
		return
	}
	end, err := piece{last, last.end}.goodEnd()
	if err != nil {
		f.spool.log.Error("the end of a segment cannot be read", "segment", last.path, "error", err)
	}
	if end == last.end {
		return
	}
	tail := hole{feed: f, piece: piece{last, last.end}, from: end, to: last.end}
	last.end = end
	if err := f.quarantine(tail, kindTorn); err != nil {
		return // it stays where it is
	}
	f.torn = &Gap{Feed: f.id, FromMS: f.timeBefore(last, end), ToMS: f.spool.o.Clock.MS(), Clicks: -1, Reason: ReasonQuarantined}
	if err := errors.Join(last.file.Truncate(last.at(end)), last.file.Sync()); err != nil {
		f.spool.log.Warn("a torn tail could not be cut off", "segment", last.path, "error", err)
	}
}

// timeBefore returns the time of the last frame of a segment before end, or that of the feed's begin.
func (f *Feed) timeBefore(s *segment, end int64) int64 {
	ms := f.begunMS()
	_ = piece{s, end}.scan(s.base, func(x found) error {
		if t, ok := timeOf(x.payload); ok {
			ms = t
		}
		return nil
	})
	return ms
}

// begunMS is the time that the feed's id carries.
func (f *Feed) begunMS() int64 { return min(click.ID(f.id).MS(), f.spool.o.Clock.MS()) }

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

// Held returns the slots that other living processes hold, as the last Adopt found them.
func (s *Spool) Held() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.held)
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
	s.held = nil
	for _, name := range names {
		if _, err := strconv.Atoi(name); err != nil || name == s.slot.name || s.slots[name] != nil || ctx.Err() != nil {
			continue
		}
		sl, err := s.take(name)
		if err != nil {
			return err
		}
		if sl == nil {
			s.held = append(s.held, name)
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
	f.reading.Lock()
	defer f.reading.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts, f.told = map[uint64]int64{}, map[uint64]int64{}
	for campaign, n := range base {
		f.counts[campaign], f.told[campaign] = n, n
	}
	f.counted, f.waiting = pos, 0
	t := tally{f: f, pos: pos}
	for _, s := range f.segments {
		if from := min(pos, f.confirmed); s.end > from && !s.alien {
			if err := (piece{s, s.end}).scan(s.base, t.add); err != nil {
				return err
			}
		}
	}
	f.end = max(f.end, pos, end)
	f.nextBeat = time.Now()
	return nil
}

// A tally counts distinct ids in little memory: file order is time order, so equal ids have one millisecond.
type tally struct {
	f    *Feed
	pos  int64
	ms   int64
	seen map[click.ID]bool
}

func (t *tally) add(x found) error {
	if x.bad {
		return nil
	}
	if x.pos >= t.f.confirmed {
		t.f.waiting++
	}
	if x.pos < t.pos {
		return nil
	}
	c, err := click.Decode(x.payload)
	if err != nil || !c.Counts() {
		return nil //nolint:nilerr // what is no click is not counted; ingest sets it aside
	}
	if ms := c.ID.MS(); ms != t.ms || t.seen == nil {
		t.ms, t.seen = ms, map[click.ID]bool{}
	}
	if !t.seen[c.ID] {
		t.seen[c.ID] = true
		t.f.counts[c.Campaign]++
	}
	return nil
}
