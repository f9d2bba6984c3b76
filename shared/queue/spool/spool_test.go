package spool

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// gaps records what it is told.
type gaps struct {
	mu   sync.Mutex
	list []Gap
	err  error
}

func (g *gaps) RecordGap(_ context.Context, gap Gap) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.list = append(g.list, gap)
	}
	return g.err
}

func (g *gaps) reasons() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []string
	for _, gap := range g.list {
		list = append(list, gap.Reason)
	}
	return list
}

func testOptions(dir string) Options {
	return Options{
		Dir: dir, MaxBytes: 1 << 30, SegmentBytes: 1 << 20, Clock: click.NewClock(), Gaps: &gaps{},
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
}

func open(t *testing.T, o Options) *Spool {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newClick(campaign uint64) click.Click {
	return click.Click{Link: 1, Account: 1, Campaign: campaign, Domain: 1, Method: click.GET, UserAgent: "a test", Referrer: "https://mail.example/"}
}

func appendN(t *testing.T, s *Spool, n int) []click.ID {
	t.Helper()
	ids := make([]click.ID, n)
	for i := range ids {
		c := newClick(7)
		if err := s.Append(&c); err != nil {
			t.Fatal(err)
		}
		ids[i] = c.ID
	}
	return ids
}

// adopt takes over everything that was left, counting from nothing.
func adopt(t *testing.T, s *Spool) []*Feed {
	t.Helper()
	feeds, err := s.Adopt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range feeds {
		if err := f.Recount(nil, 0, 0); err != nil {
			t.Fatal(err)
		}
		f.Deliver()
	}
	return feeds
}

// drain delivers with Done(nil) until n clicks came or the deadline passes, and returns their ids in order.
func drain(t *testing.T, s *Spool, n int) []click.ID {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var ids []click.ID
	for len(ids) < n {
		d, err := s.Receive(ctx)
		if err != nil {
			t.Fatalf("after %d of %d clicks: %v", len(ids), n, err)
		}
		ids = append(ids, idsOf(t, d)...)
		d.Done(nil)
	}
	return ids
}

// files counts the files of slot 0 that match.
func files(dir, pattern string) int {
	names, _ := filepath.Glob(filepath.Join(dir, "0", pattern))
	return len(names)
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !is(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}

func idsOf(t *testing.T, d *queue.Delivery) []click.ID {
	t.Helper()
	var ids []click.ID
	for rest := d.Frames; len(rest) > 0; {
		payload, size, err := click.Next(rest)
		if err != nil {
			t.Fatal(err)
		}
		c, err := click.Decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
		rest = rest[size:]
	}
	if len(ids) != d.Clicks {
		t.Errorf("message says %d clicks and holds %d", d.Clicks, len(ids))
	}
	return ids
}

func TestWhatIsAppendedIsDeliveredInOrder(t *testing.T) {
	o := testOptions(t.TempDir())
	o.SegmentBytes = 4096
	s := open(t, o)
	want := appendN(t, s, 2000)
	if got := drain(t, s, len(want)); !slices.Equal(got, want) {
		t.Errorf("%d clicks went in, %d came out, or in another order", len(want), len(got))
	}
	f := s.Live()
	counts := f.Counts()
	if counts.Answered[7] != 2000 || counts.Clicks != 0 || counts.Pos != f.End() {
		t.Errorf("%+v", counts)
	}
	if f.Idle() {
		t.Error("idle before it is counted")
	}
	if err := f.commit(); err != nil {
		t.Fatal(err)
	}
	f.Counted(counts.Pos)
	if !f.Idle() {
		t.Error("not idle")
	}
	eventually(t, "one segment stays", func() bool { return files(o.Dir, "*.seg") == 1 })
	if again := f.Counts(); len(again.Answered) != 0 {
		t.Errorf("counts told twice: %v", again.Answered)
	}
	s.Live().SignedOff()
	if n := files(o.Dir, "*.seg"); n != 0 {
		t.Errorf("a signed-off feed left %d segments", n)
	}
}

func TestAnIdleFeedTellsItsWatermark(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	before := time.Now().UnixMilli()
	d, err := s.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if d.From != d.To || len(d.Frames) != 0 || d.UptoMS < before {
		t.Errorf("%+v", d.Message)
	}
	d.Done(nil)
}

func TestTheWindowAndRedelivery(t *testing.T) {
	o := testOptions(t.TempDir())
	o.Window = 2
	s := open(t, o)
	want := appendN(t, s, 1200) // three messages
	first, _ := s.Receive(t.Context())
	second, _ := s.Receive(t.Context())
	full, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Receive(full); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third message in a window of two: %v", err)
	}
	if first.UptoMS > second.UptoMS || first.To != second.From {
		t.Errorf("ranges %d-%d upto %d, %d-%d upto %d", first.From, first.To, first.UptoMS, second.From, second.To, second.UptoMS)
	}
	second.Done(nil) // out of order: nothing is confirmed yet
	if f := s.Live(); f.confirmed != 0 {
		t.Error("confirmed before the first message was")
	}
	first.Done(errors.New("nacked"))
	again, _ := s.Receive(t.Context())
	if again.From != first.From || again.To != first.To || again.Attempt != 2 {
		t.Errorf("redelivered %d-%d attempt %d", again.From, again.To, again.Attempt)
	}
	got := append(idsOf(t, again), idsOf(t, second)...)
	again.Done(nil)
	if f := s.Live(); f.confirmed != second.To {
		t.Errorf("confirmed %d, want %d", f.confirmed, second.To)
	}
	got = append(got, drain(t, s, len(want)-len(got))...)
	if !slices.Equal(got, want) {
		t.Error("clicks lost or out of order")
	}
}

func TestAFullSpoolNotesItsGapAndRecovers(t *testing.T) {
	o := testOptions(t.TempDir())
	o.MaxBytes, o.SegmentBytes = 3000, 1000
	s := open(t, o)
	recorded, lost := 0, 0
	for range 100 {
		c := newClick(7)
		switch err := s.Append(&c); {
		case err == nil:
			recorded++
		case errors.Is(err, ErrFull):
			lost++
		default:
			t.Fatal(err)
		}
	}
	f := s.Live()
	gap, pending := f.Gap()
	if !pending || gap.Clicks != int64(lost) || lost == 0 || s.Stats().Unrecorded != int64(lost) {
		t.Errorf("lost %d, gap %+v", lost, gap)
	}
	d, err := s.Receive(t.Context())
	if err != nil || d.UptoMS > gap.FromMS {
		t.Errorf("watermark %d above the gap's begin %d (%v)", d.UptoMS, gap.FromMS, err)
	}
	got := d.Clicks
	d.Done(nil)
	if got < recorded {
		got += len(drain(t, s, recorded-got))
	}
	eventually(t, "the gap is closed", func() bool { f.GapRecorded(gap); _, pending := f.Gap(); return !pending })
	if err := f.commit(); err != nil {
		t.Fatal(err)
	}
	f.Counted(f.Counts().Pos)
	eventually(t, "segments are removed", func() bool { return files(o.Dir, "*.seg") == 1 })
	if got != recorded {
		t.Errorf("%d recorded, %d delivered", recorded, got)
	}
	appendN(t, s, 3) // there is room again, without a restart
	if n := files(o.Dir, "*.tmp"); n > 1 {
		t.Errorf("%d temporary files stay", n)
	}
}

func TestTwoProcessesTakeTwoSlotsAndOrphansAreAdopted(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, testOptions(dir)), open(t, testOptions(dir))
	if a.slot.name != "0" || b.slot.name != "1" {
		t.Fatalf("slots %s and %s", a.slot.name, b.slot.name)
	}
	if feeds, err := b.Adopt(t.Context()); err != nil || len(feeds) != 0 {
		t.Errorf("adopted a living one's feed: %v %v", feeds, err)
	}
	if held := b.Held(); !slices.Equal(held, []string{"0"}) {
		t.Errorf("slots of others: %v, want the first", held)
	}
	want := appendN(t, a, 50)
	a.Close() // with its clicks
	feeds := adopt(t, b)
	if len(feeds) != 1 || feeds[0].Live() || feeds[0].ID() != a.Live().ID() {
		t.Fatalf("adopted %v", feeds)
	}
	if got := drain(t, b, 50); !slices.Equal(got, want) {
		t.Error("other clicks than were left")
	}
	counts := feeds[0].Counts()
	if counts.Answered[7] != 50 {
		t.Errorf("answered %v", counts.Answered)
	}
	feeds[0].Counted(counts.Pos)
	if !feeds[0].Idle() {
		t.Error("not idle")
	}
	feeds[0].SignedOff()
	if feeds := adopt(t, b); len(feeds) != 0 {
		t.Errorf("adopted a signed-off feed again")
	}
	c := open(t, testOptions(dir))
	if c.slot.name != "0" {
		t.Errorf("the empty slot was not given back: %s", c.slot.name)
	}
}

func TestAClosedSpoolsOwnSlotIsReopened(t *testing.T) {
	dir := t.TempDir()
	a := open(t, testOptions(dir))
	want := appendN(t, a, 10)
	d, _ := a.Receive(t.Context())
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	d.Done(nil) // too late, and harmless
	b := open(t, testOptions(dir))
	later := appendN(t, b, 10)
	adopt(t, b)
	got := drain(t, b, 20)
	for _, id := range append(want, later...) {
		if !slices.Contains(got, id) {
			t.Errorf("%s is lost", id)
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	o := testOptions(t.TempDir())
	o.SegmentBytes = 64 << 20
	s := open(t, o)
	c := newClick(7)
	if n := testing.AllocsPerRun(5000, func() {
		if err := s.Append(&c); err != nil {
			t.Fatal(err)
		}
	}); n != 0 && !raceDetector {
		t.Errorf("%v allocations", n)
	}
}

// Clicks that come one after the other travel together: the first goes at once, the others wait for company, and not for
// the first to be confirmed.
func TestClicksGather(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	const n = 50
	start, messages, got := time.Now(), 0, 0
	appended := make(chan struct{})
	go func() {
		defer close(appended)
		for range n {
			c := newClick(7)
			if err := s.Append(&c); err != nil {
				t.Error(err)
			}
			runtime.Gosched()
		}
	}()
	for got < n {
		d, err := s.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d.Clicks > 0 {
			messages++
		}
		got += d.Clicks
		d.Done(nil)
	}
	<-appended
	if most := 2 + int(time.Since(start)/gather); messages > most {
		t.Errorf("%d clicks in %d messages, want at most %d", n, messages, most)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, mode := range []Mode{Kill, Power} {
		b.Run(map[Mode]string{Kill: "kill", Power: "power"}[mode], func(b *testing.B) {
			o := testOptions(b.TempDir())
			o.Mode, o.SegmentBytes, o.MaxBytes = mode, 64<<20, 8<<30
			s, err := Open(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				c := newClick(7)
				for pb.Next() {
					if err := s.Append(&c); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkRead delivers what lies on the disk: the cost of reading a click back.
func BenchmarkRead(b *testing.B) {
	o := testOptions(b.TempDir())
	o.SegmentBytes, o.MaxBytes = 64<<20, 8<<30
	s, err := Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for range b.N {
		c := newClick(7)
		if err := s.Append(&c); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for n := 0; n < b.N; {
		d, err := s.Receive(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		n += d.Clicks
		d.Done(nil)
	}
}

func TestMain(m *testing.M) {
	if dir := os.Getenv("SPOOL_CHILD"); dir != "" {
		childAppends(dir)
	}
	goleak.VerifyTestMain(m)
}
