package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// Mode is what a click's write survives before it is answered.
type Mode int

// The modes.
const (
	Kill  Mode = iota // the process's death; a loss of power takes at most the last second
	Power             // a loss of power
)

// ParseMode reads kill or power.
func ParseMode(s string) (Mode, error) {
	switch s {
	case "kill":
		return Kill, nil
	case "power":
		return Power, nil
	}
	return 0, fmt.Errorf("journal mode %q: want kill or power", s)
}

// Errors of Append: the click is not recorded, and is counted as such.
var (
	// ErrFull: the spool's bound, or the disk, is reached.
	ErrFull = errors.New("spool is full")
	// ErrSealed: this instance is shutting down.
	ErrSealed = errors.New("spool is sealed")
)

// Reasons of a gap that the spool itself finds.
const (
	ReasonFull        = "spool_full"
	ReasonQuarantined = "quarantined"
	ReasonPowerLoss   = "power_loss"
)

// A Gap is a span of time some of whose clicks are not in the feed.
type Gap struct {
	Feed   queue.FeedID
	FromMS int64
	ToMS   int64
	Clicks int64 // -1 = not known
	Reason string
}

// A GapRecorder makes a gap known. It is durable when it returns nil, and idempotent by feed, reason and FromMS.
type GapRecorder interface {
	RecordGap(ctx context.Context, g Gap) error
}

// Options of a spool. Dir, Clock, Gaps, Log and Registerer are required.
type Options struct {
	Dir          string // holds the slots
	Mode         Mode
	MaxBytes     int64         // of all segments in hand; never more than 80 % of the disk
	SegmentBytes int64         // 0 = 64 MiB
	Window       int           // messages delivered and not Done; 0 = 4
	SyncEvery    time.Duration // mode Kill; 0 = 1 s
	Clock        *click.Clock
	FS           FS // nil = OS
	Gaps         GapRecorder
	Log          *slog.Logger
	Registerer   prometheus.Registerer
}

// minSegment is the least size at which a segment ends.
const minSegment = 256

func (o *Options) setDefaults() {
	if o.MaxBytes == 0 {
		o.MaxBytes = 8 << 30
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.Window == 0 {
		o.Window = 4
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = time.Second
	}
	if o.FS == nil {
		o.FS = OS{}
	}
}

// A Spool is one process's opening of a slot, and what it adopted besides. It is safe for concurrent use.
type Spool struct {
	o       Options
	fs      FS
	log     *slog.Logger
	metrics metrics
	slot    *slot
	live    atomic.Pointer[Feed]
	used    atomic.Int64 // bytes of all segments in hand
	hungry  atomic.Bool  // a receiver has found nothing more, or may not have looked yet
	wake    chan struct{}
	quit    chan struct{}

	asked     atomic.Bool // the next segment's file was asked for
	noRoom    bool        // the janitor's, as is made: how many it made
	made      int
	untidy    chan struct{}
	ready     atomic.Pointer[prepared]
	commitNow chan struct{}
	workers   sync.WaitGroup

	mu       sync.Mutex // guards what follows; taken before a feed's
	feeds    []*Feed    // all in hand: the live one first
	slots    map[string]*slot
	held     []string // slots of other processes
	turn     int
	inFlight int
	closed   bool
}

// Open takes the first slot whose lock is free and begins a feed in it. What older openings left there, and in other
// slots, is found by Adopt.
func Open(ctx context.Context, o Options) (*Spool, error) {
	o.setDefaults()
	s := &Spool{
		o: o, fs: o.FS, log: o.Log.With("component", "spool"), wake: make(chan struct{}, 1), quit: make(chan struct{}), slots: map[string]*slot{},
		untidy: make(chan struct{}, 1), commitNow: make(chan struct{}, 1),
	}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("make spool folder: %w", err)
	}
	if err := o.FS.SyncDir(filepath.Dir(o.Dir)); err != nil {
		return nil, fmt.Errorf("sync the folder of the spool: %w", err)
	}
	if size, err := o.FS.Capacity(o.Dir); err == nil && size > 0 {
		s.o.MaxBytes = min(s.o.MaxBytes, size/10*8)
	}
	s.o.SegmentBytes = min(s.o.SegmentBytes, max(s.o.MaxBytes/8, minSegment)) // the last segment is never removed
	s.metrics = newMetrics(o.Registerer, s)
	var err error
	if s.slot, err = s.firstFree(ctx); err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, s.slot.unlock())
	}
	s.workers.Go(s.commitLoop)
	s.workers.Go(s.janitor)
	return s, nil
}

// begin starts a new live feed.
func (s *Spool) begin() error {
	f := s.newFeed(s.slot)
	f.live, f.deliver = true, true
	f.id = queue.FeedID(click.NewID(s.o.Clock.MS()))
	first, err := createSegment(s.fs, s.slot.dir, s.slot.tmp("new"), f.header(0), nil, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(first.file.Sync(), s.fs.SyncDir(s.slot.dir)); err != nil {
		return fmt.Errorf("sync first segment: %w", errors.Join(err, first.file.Close()))
	}
	f.segments = []*segment{first}
	s.mu.Lock()
	s.feeds = append([]*Feed{f}, s.feeds...)
	s.live.Store(f)
	s.mu.Unlock()
	return nil
}

func (s *Spool) newFeed(sl *slot) *Feed {
	f := &Feed{
		spool: s, slot: sl, nextBeat: time.Now().Add(beat),
		counts: map[uint64]int64{}, told: map[uint64]int64{}, done: map[int64]int64{}, passed: map[int64]int64{},
	}
	f.synced = sync.NewCond(&f.mu)
	return f
}

// Live returns the feed to which this process appends.
func (s *Spool) Live() *Feed { return s.live.Load() }

// Append gives the click its id and writes its frame. When it returns nil the click survives what the mode says. It
// does not keep c, and allocates nothing.
func (s *Spool) Append(c *click.Click) error { return s.Live().append(c) }

// Renew seals the live feed, which another owner or an operator took in the database, and begins a new one. The old one
// is adopted like any that was left behind.
func (s *Spool) Renew(context.Context) (*Feed, error) {
	old := s.Live()
	if err := s.begin(); err != nil {
		return nil, err
	}
	old.abandon()
	return s.Live(), nil
}

func (s *Spool) inHand() []*Feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.feeds)
}

// Stats is what waits in the spool.
type Stats struct {
	Clicks     int64 // not handed over yet
	Bytes      int64 // of segments on the disk
	OldestMS   int64 // time of the oldest waiting click; 0 = none
	Unrecorded int64 // answered and not recorded since the start
}

// Stats tells what waits now.
func (s *Spool) Stats() Stats {
	st := Stats{Bytes: s.used.Load(), Unrecorded: s.metrics.lost.Load()}
	for _, f := range s.inHand() {
		waiting, oldest := f.waits()
		st.Clicks += waiting
		if oldest != 0 && (st.OldestMS == 0 || oldest < st.OldestMS) {
			st.OldestMS = oldest
		}
	}
	return st
}

// Close ends deliveries, syncs what is written and releases the slots. Undelivered clicks stay on the disk.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	feeds, slots := slices.Clone(s.feeds), append(s.others(), s.slot)
	s.mu.Unlock()
	s.Live().Seal()
	close(s.quit)
	s.workers.Wait()
	var errs []error
	for _, f := range feeds {
		errs = append(errs, f.commit())
	}
	for _, sl := range slots {
		for _, f := range append(feeds, sl.left...) {
			errs = append(errs, f.closeFiles())
		}
		errs = append(errs, sl.unlock())
	}
	return errors.Join(errs...)
}

// feedHungry wakes a receiver, once for all clicks that come until it looks: to wake it for each would cost as much as
// to write the click.
func (s *Spool) feedHungry() {
	if s.hungry.Load() && s.hungry.CompareAndSwap(true, false) {
		s.signal()
	}
}

func (s *Spool) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
