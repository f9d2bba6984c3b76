package spool

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// A Feed is one opening of a slot: the live one, or one that was left behind. It is safe for concurrent use.
type Feed struct {
	spool *Spool
	slot  *slot
	id    queue.FeedID

	mu       sync.Mutex
	live     bool
	sealed   bool // no appends any more
	gone     bool // signed off, its files removed
	segments []*segment
	end      int64 // behind the last frame
	lastMS   int64 // time of the last frame
	buf      []byte

	// Power loss: what is written and not synced, and who waits for it.
	synced    *sync.Cond
	committed int64
	unsynced  []byte
	newNames  bool // a segment's name is not synced
	broken    error

	// Delivery.
	deliver   bool
	next      int64 // where the next message begins
	readMS    int64 // time of the last frame that was delivered
	back      []handed
	done      map[int64]int64 // handed over out of order: from -> to
	confirmed int64
	passed    map[int64]int64 // holes whose gap is recorded: from -> to
	kept      map[int64]bool  // holes whose bytes are in quarantine
	inFlight  int
	nextBeat  time.Time
	pause     time.Time // after a gap that could not be recorded

	// Balance.
	counts  map[uint64]int64 // GETs answered by campaign
	told    map[uint64]int64 // what the database has
	telling map[uint64]int64
	tellPos int64
	counted int64
	waiting int64 // frames that are not handed over
	full    fullGap
	fullAt  *segment // whose header has it
}

// handed is a message that came back.
type handed struct {
	queue.Message
	attempt int
}

// ID names the feed.
func (f *Feed) ID() queue.FeedID { return f.id }

// Slot names the folder of the feed, for people.
func (f *Feed) Slot() string { return f.slot.name }

// Live reports whether this process appends to the feed.
func (f *Feed) Live() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.live && !f.sealed
}

// Counts is a feed's state for the database.
type Counts struct {
	Pos      int64            // offset up to which Answered counts
	Answered map[uint64]int64 // GETs answered by campaign, absolute; only those that changed since the last Counted
	Clicks   int64            // not handed over yet
	OldestMS int64            // time of the oldest of them; 0 = none
}

// Counts takes a snapshot: Pos and Answered belong together.
func (f *Feed) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := Counts{Pos: f.end, Answered: map[uint64]int64{}, Clicks: f.waiting, OldestMS: f.oldest()}
	for campaign, n := range f.counts {
		if f.told[campaign] != n {
			c.Answered[campaign] = n
		}
	}
	f.telling, f.tellPos = c.Answered, c.Pos
	return c
}

// Counted says that the database has the last Counts, up to pos. What is confirmed and counted may leave the disk.
func (f *Feed) Counted(pos int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if pos == f.tellPos {
		for campaign, n := range f.telling {
			f.told[campaign] = n
		}
		f.telling = nil
	}
	f.counted = max(f.counted, pos)
	f.unlink()
}

func (f *Feed) waits() (waiting, oldestMS int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiting, f.oldest()
}

// oldest returns the time of the first frame that is not confirmed.
func (f *Feed) oldest() int64 {
	if f.waiting == 0 {
		return 0
	}
	ms, _ := f.peek(f.confirmed)
	return ms
}

// peek returns the time of the frame at pos, and whether there is a readable one.
func (f *Feed) peek(pos int64) (ms int64, ok bool) {
	s := f.segmentAt(pos)
	if s == nil {
		return 0, false
	}
	b, err := s.read(make([]byte, click.FrameHeader+64), pos)
	if err != nil || len(b) < click.FrameHeader+22 {
		return 0, false
	}
	// The id is the payload's second field: two bytes of version, then tag, length and sixteen bytes.
	p := b[click.FrameHeader:]
	if p[0] != 0x08 || p[1] > click.Version || p[2] != 0x12 || p[3] != click.IDSize {
		return 0, false
	}
	return click.ID(p[4 : 4+click.IDSize]).MS(), true
}

// segmentAt returns the segment in which pos lies: of two that overlap the one with the higher base.
func (f *Feed) segmentAt(pos int64) *segment {
	for _, s := range slices.Backward(f.segments) {
		if pos >= s.base {
			if pos < s.end {
				return s
			}
			return nil
		}
	}
	return nil
}

// nextBase returns where the segment behind pos begins, or the feed's end.
func (f *Feed) nextBase(pos int64) int64 {
	for _, s := range f.segments {
		if s.base > pos {
			return s.base
		}
	}
	return f.end
}

// Gap returns what a full spool could not record and the database does not know yet.
func (f *Feed) Gap() (Gap, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full.n == 0 {
		return Gap{}, false
	}
	return Gap{Feed: f.id, FromMS: f.full.from, ToMS: f.full.to, Clicks: int64(f.full.n), Reason: ReasonFull}, true
}

// GapRecorded says that the gap's row is committed. If it has not grown since, it is closed.
func (f *Feed) GapRecorded(g Gap) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if int64(f.full.n) != g.Clicks || f.full.from != g.FromMS {
		return
	}
	f.full = fullGap{}
	if f.fullAt != nil {
		_ = f.fullAt.writeGap(fullGap{}) // an old one only means that its row is written again
		f.fullAt = nil
	}
	f.spool.signal()
}

// Deliver begins the delivery of an adopted feed: the database knows its new owner.
func (f *Feed) Deliver() {
	f.mu.Lock()
	f.deliver = true
	f.mu.Unlock()
	f.spool.signal()
}

// Seal ends appending.
func (f *Feed) Seal() {
	f.mu.Lock()
	f.sealed = true
	f.mu.Unlock()
}

// End returns the position behind the last frame.
func (f *Feed) End() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end
}

// Idle reports whether everything is handed over and counted and no gap is unrecorded.
func (f *Feed) Idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.confirmed >= f.end && f.counted >= f.end && f.inFlight == 0 && f.full.n == 0
}

// SignedOff marks the feed, removes its files, and gives its slot back when nothing else is in it.
func (f *Feed) SignedOff() {
	f.mu.Lock()
	f.sealed = true
	var marked error
	if n := len(f.segments); n > 0 {
		marked = f.segments[n-1].writeSignedOff()
	}
	err := errors.Join(marked, f.remove())
	f.mu.Unlock()
	if err != nil {
		f.spool.log.Warn("a feed that was signed off could not be removed", "feed", f.id.String(), "error", err)
	}
	f.spool.drop(f)
}

// remove removes the files, that with the mark last.
func (f *Feed) remove() error {
	var errs []error
	for _, s := range f.segments {
		errs = append(errs, s.file.Close(), f.spool.fs.Remove(s.path))
		f.spool.used.Add(s.base - s.end)
	}
	f.segments, f.unsynced, f.gone = nil, nil, true
	return errors.Join(append(errs, f.spool.fs.SyncDir(f.slot.dir))...)
}

// unlink removes the segments that are confirmed, counted and not waiting for a sync, but never the last one. Their names
// are not synced away: one that comes back only means clicks sent again.
func (f *Feed) unlink() {
	free := min(f.confirmed, f.counted, f.committed)
	for len(f.segments) > 1 && f.segments[1].base <= free && f.segments[0] != f.fullAt {
		s := f.segments[0]
		if err := errors.Join(s.file.Close(), f.spool.fs.Remove(s.path)); err != nil {
			f.spool.log.Warn("a delivered segment could not be removed", "segment", s.path, "error", err)
		}
		f.spool.used.Add(s.base - s.end)
		f.segments = slices.Delete(f.segments, 0, 1)
	}
}

func (f *Feed) closeFiles() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, s := range f.segments {
		errs = append(errs, s.file.Close())
	}
	f.segments = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close feed %s: %w", f.id, err)
	}
	return nil
}

// abandon turns the live feed into one that was left behind.
func (f *Feed) abandon() {
	f.mu.Lock()
	f.sealed, f.live, f.deliver = true, false, false
	f.mu.Unlock()
	f.spool.mu.Lock()
	f.slot.left = append(f.slot.left, f)
	f.spool.mu.Unlock()
}
