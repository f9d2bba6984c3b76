package spool

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"longtail/shared/queue"
)

// A Feed is one opening of a slot: the live one, or one that was left behind. It is safe for concurrent use.
type Feed struct {
	spool *Spool
	slot  *slot
	id    queue.FeedID

	reading sync.Mutex // held while segments are read or closed; taken before mu
	seen    view       // the reader's

	mu       sync.Mutex
	live     bool
	sealed   bool // no appends any more
	gone     bool // signed off or closed, its files are not ours
	segments []*segment
	end      int64 // behind the last frame
	lastMS   int64 // time of the last frame
	buf      []byte

	// A disk that takes nothing.
	full      []note // gaps that the database does not know; of the live feed at most one
	noted     bool   // in a header, and not synced
	refused   bool
	rollError error
	rolledAt  time.Time

	// Loss of power: what is written and not synced, and who waits for it.
	synced    *sync.Cond
	committed int64
	unsynced  []byte
	newNames  bool // a segment's name is not synced
	broken    error
	syncing   time.Time // since when a sync runs
	slow      bool      // it runs for too long
	replaced  []File    // of segments that were rewritten

	// Delivery.
	deliver   bool
	next      int64 // where the next message begins
	readMS    int64 // time of the last frame that was delivered
	back      []handed
	done      map[int64]int64 // handed over out of order: from -> to
	confirmed int64
	passed    map[int64]int64 // holes whose gap is recorded: from -> to
	torn      *Gap            // what was cut off at the end and is not recorded
	inFlight  int
	sent      time.Time // when the last message went out
	nextBeat  time.Time
	pause     time.Time // a gap is being recorded, or could not be

	// Balance.
	counts  map[uint64]int64 // GETs answered by campaign
	told    map[uint64]int64 // what the database has
	telling map[uint64]int64
	tellPos int64
	counted int64
	waiting int64 // frames that are not handed over
}

// A note is a gap of a full spool and the segment whose header has it.
type note struct {
	fullGap
	at *segment
}

// handed is a message that came back.
type handed struct {
	from, to int64
	attempt  int
	after    time.Time
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

// Counts takes a snapshot: Pos and Answered belong together. In mode Power it waits until they are durable, so that a
// loss of power does not make the file shorter than what was counted.
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
	if f.spool.o.Mode == Power && f.live {
		f.spool.askCommit()
		f.awaitSync(c.Pos)
	}
	return c
}

// Counted says that the database has the last Counts, up to pos. What is confirmed and counted may leave the disk.
func (f *Feed) Counted(pos int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if pos == f.tellPos {
		maps.Copy(f.told, f.telling)
		f.telling = nil
	}
	f.counted = max(f.counted, pos)
	if len(f.segments) > 1 {
		f.spool.tidy()
	}
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
	var v view
	for _, s := range f.segments {
		v.pieces = append(v.pieces, piece{s, s.end})
	}
	if ms, ok := v.peek(f.confirmed); ok {
		return ms
	}
	return f.readMS
}

// Gap returns what a full spool could not record and the database does not know yet.
func (f *Feed) Gap() (Gap, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.full) == 0 {
		return Gap{}, false
	}
	g := f.full[0]
	return Gap{Feed: f.id, FromMS: g.from, ToMS: g.to, Clicks: g.n, Reason: ReasonFull}, true
}

// GapRecorded says that the gap's row is committed. If it has not grown since, it is closed; not in its own last
// millisecond, though, so that two gaps never have one name.
func (f *Feed) GapRecorded(g Gap) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.full) == 0 || f.full[0].n != g.Clicks || f.full[0].from != g.FromMS || f.live && f.now() < g.ToMS {
		return
	}
	_ = f.full[0].at.writeGap(fullGap{}) // an old one only means that its row is written again
	f.full = f.full[1:]
	f.spool.signal()
	f.spool.tidy()
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
	return f.confirmed >= f.end && f.counted >= f.end && f.inFlight == 0 && len(f.full) == 0 && f.torn == nil
}

// SignedOff marks the feed, removes its files, and gives its slot back when nothing else is in it.
func (f *Feed) SignedOff() {
	f.reading.Lock()
	f.mu.Lock()
	f.sealed = true
	var marked error
	if n := len(f.segments); n > 0 {
		marked = f.segments[n-1].writeSignedOff()
	}
	err := errors.Join(marked, f.remove())
	f.synced.Broadcast()
	f.mu.Unlock()
	f.reading.Unlock()
	if err != nil {
		f.spool.log.Warn("a feed that was signed off could not be removed", "feed", f.id.String(), "error", err)
	}
	f.spool.drop(f)
}

// remove removes the files, that with the mark last.
func (f *Feed) remove() error {
	errs := []error{f.close()}
	for _, s := range f.segments {
		errs = append(errs, f.spool.fs.Remove(s.path))
		f.spool.used.Add(s.base - s.end)
	}
	f.segments, f.full = nil, nil
	return errors.Join(append(errs, f.spool.fs.SyncDir(f.slot.dir))...)
}

// close closes the files.
func (f *Feed) close() error {
	f.gone, f.unsynced = true, nil
	var errs []error
	for _, s := range f.segments {
		errs = append(errs, s.file.Close())
	}
	for _, file := range f.replaced {
		errs = append(errs, file.Close())
	}
	f.replaced = nil
	return errors.Join(errs...)
}

func (f *Feed) closeFiles() error {
	f.reading.Lock()
	defer f.reading.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return nil
	}
	err := f.close()
	f.synced.Broadcast()
	if f.segments = nil; err != nil {
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
