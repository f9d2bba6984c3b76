package storagetest

import (
	"testing"
	"time"

	"longtail/shared/queue"
	"longtail/shared/storage"
)

var feedTests = []conformance{
	{"CompletenessWithoutFeedsIsNow", func(t *testing.T, fresh Fresh) {
		w := newWorld(t, fresh)
		before := w.clock()
		got := w.complete()
		if got < before || got > w.clock() {
			t.Fatalf("complete_through %d, want the database's now, %d", got, before)
		}
	}},
	{"RegistrationFloor", registrationFloor},
	{"CompletenessOutOfOrder", outOfOrder},
	{"SignedOffHoldsUntilStored", signedOff},
	{"CompactionChangesNothing", compaction},
	{"ALateGapEndsWhenItIsCounted", lateGapEnds},
	{"BalanceOfFeeds", balanceOfFeeds},
	{"SentIsWhatLeftItsSpool", sentSince},
	{"Adoption", adoption},
	{"Forgetting", forgetting},
	{"FoldingKeepsSums", folding},
	{"GapsAreToldOnce", gapsOnce},
}

var me, other = storage.Owner{1}, storage.Owner{2}

func (w *world) clock() int64 {
	w.t.Helper()
	ms, err := w.db.NowMS(w.t.Context())
	w.ok(err)
	return ms
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) complete() int64 {
	w.t.Helper()
	ms, err := w.db.Completeness(w.t.Context())
	w.ok(err)
	return ms
}

func (w *world) register(feed queue.FeedID) int64 {
	w.t.Helper()
	floor, err := w.db.RegisterFeed(w.t.Context(), feed, me, "host-1")
	w.ok(err)
	return floor
}

// span ingests one empty range.
func (w *world) span(feed queue.FeedID, from, to, upto int64) {
	w.t.Helper()
	w.ingest(storage.Batch{Ranges: []storage.Range{{Feed: feed, From: from, To: to, UptoMS: upto}}})
}

// passed waits until the database's clock is past ms.
func (w *world) passed(ms int64) {
	w.t.Helper()
	for w.clock() <= ms {
		if ms-w.clock() > 10_000 {
			w.t.Fatalf("%d is not near", ms)
		}
	}
}

func (w *world) wantComplete(want int64) {
	w.t.Helper()
	if got := w.complete(); got != want {
		w.t.Fatalf("complete_through %d, want %d", got, want)
	}
}

// unseen makes a feed look as if its redirector had not been seen for some time.
func (w *world) unseen(feed queue.FeedID, ago time.Duration) {
	w.t.Helper()
	_, err := w.raw.ExecContext(w.t.Context(), "UPDATE feeds SET seen_ms = seen_ms - ? WHERE feed = ?", ago.Milliseconds(), feed[:])
	w.ok(err)
}

func registrationFloor(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	told := w.complete()
	floor := w.register(feedOf(1))
	if floor < told {
		t.Fatalf("floor %d undercuts what was told, %d", floor, told)
	}
	w.wantComplete(floor)
	if again := w.register(feedOf(1)); again != floor {
		t.Fatalf("registering again gives %d, want %d", again, floor)
	}
	if _, err := w.db.RegisterFeed(t.Context(), feedOf(1), other, "thief"); err == nil {
		t.Fatal("another owner registered the feed")
	}
	w.span(feedOf(1), 0, 0, floor+5000)
	w.wantComplete(floor + 5000)
	if second := w.register(feedOf(2)); second != floor+5000 {
		t.Fatalf("the second feed's floor is %d, want %d", second, floor+5000)
	}
	w.span(feedOf(1), 0, 10, floor+9000)
	w.wantComplete(floor + 5000)
}

func outOfOrder(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := feedOf(1)
	t0 := w.register(f)
	steps := []struct{ from, to, upto, want int64 }{
		{100, 200, 20, 0}, {0, 0, 1, 1}, {200, 300, 30, 1}, {0, 100, 10, 30}, // the hole is filled: all three count
		{50, 250, 25, 30}, {300, 300, 35, 35}, {400, 500, 50, 35}, {250, 450, 45, 50}, {500, 600, 60, 60}, {0, 100, 10, 60},
	}
	for i, s := range steps {
		w.span(f, s.from, s.to, t0+s.upto)
		if got := w.complete() - t0; got != s.want {
			t.Fatalf("step %d [%d,%d): complete_through is %d after the floor, want %d", i, s.from, s.to, got, s.want)
		}
		if i%3 == 2 {
			w.ok(w.db.CompactRanges(t.Context()))
			w.wantComplete(t0 + s.want)
		}
	}
}

func signedOff(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := feedOf(1)
	t0 := w.register(f)
	w.span(f, 0, 100, t0+100)
	w.ok(w.db.SignOffFeed(t.Context(), f, me, 200))
	w.wantComplete(t0 + 100)
	wantErr(t, w.db.SignOffFeed(t.Context(), f, other, 200), storage.ErrFeedLost)
	w.span(f, 100, 200, t0+300)
	w.passed(t0 + 100)
	if got := w.complete(); got <= t0+100 || got > w.clock() {
		t.Fatalf("nobody holds complete_through, but it is %d", got)
	}
	ahead := w.clock() + 100_000 // the database's clock was set back
	_, err := w.raw.ExecContext(t.Context(), "UPDATE completeness SET t_ms = ?", ahead)
	w.ok(err)
	w.wantComplete(ahead)
}

func compaction(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := feedOf(1)
	t0 := w.register(f)
	for i := range int64(20) {
		w.span(f, i*10, i*10+10, t0+i)
	}
	w.span(f, 500, 600, t0+50)
	w.span(feedOf(9), 0, 10, t0) // not registered
	w.wantComplete(t0 + 19)
	for range 2 {
		w.ok(w.db.CompactRanges(t.Context()))
		w.wantComplete(t0 + 19)
		if n := w.number("SELECT COUNT(*) FROM feed_ranges"); n != 2 {
			t.Fatalf("%d ranges are left, want the one behind the hole and the unknown feed's", n)
		}
	}
	w.span(f, 190, 500, t0+49)
	w.wantComplete(t0 + 50)
}

// lateGapEnds: what was answered before the registration is a gap until it is counted.
func lateGapEnds(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := feedOf(1)
	t0 := w.register(f)
	w.ok(w.db.RecordGap(t.Context(), storage.Gap{Feed: f, FromMS: t0 - 500, ToMS: t0, Clicks: 3, Reason: storage.GapLate}))
	gaps := func(want int) {
		t.Helper()
		w.ok(w.db.CompactRanges(t.Context()))
		all, err := w.db.Gaps(t.Context(), 0, 0)
		w.ok(err)
		if len(all) != want {
			t.Fatalf("gaps %+v, want %d", all, want)
		}
	}
	w.span(f, 0, 100, t0-200) // some of them
	gaps(1)
	w.span(f, 300, 400, t0+100) // behind a hole
	gaps(1)
	w.span(f, 100, 300, t0+50)
	gaps(0)
}

func (w *world) wantBalance(campaign uint64, answered, stored, waiting, setAside int64) {
	w.t.Helper()
	got, err := w.db.FeedBalance(w.t.Context(), campaign)
	w.ok(err)
	if want := (storage.FeedBalance{Answered: answered, Stored: stored, Waiting: waiting, SetAside: setAside}); got != want {
		w.t.Fatalf("balance %+v, want %+v", got, want)
	}
}

func balanceOfFeeds(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := feedOf(1)
	t0 := w.register(f)
	tick := func(counted, answered int64) {
		t.Helper()
		w.ok(w.db.TickFeed(t.Context(), storage.Tick{Feed: f, Owner: me, Counted: counted, Answered: map[uint64]int64{1: answered}, SpoolClicks: 3}))
	}
	rows := []storage.ClickRow{w.at(1, 1, 0, "a"), w.at(2, 1, 0, "b"), w.at(3, 1, 1, "")}
	// A message overtakes the first tick: answered is what is stored, waiting is never negative.
	w.ingest(storage.Batch{Clicks: rows[:2], Ranges: []storage.Range{{Feed: f, From: 0, To: 200, UptoMS: t0}}})
	w.wantBalance(1, 2, 2, 0, 0)
	tick(500, 5)
	tick(500, 5)
	tick(400, 4) // late and older: nothing falls
	w.wantBalance(1, 5, 2, 3, 0)
	w.ingest(storage.Batch{Clicks: rows[2:], Dead: []storage.DeadLetter{letterFor(new(w.at(4, 1, 1, "")), "rejected")}, Ranges: []storage.Range{{Feed: f, From: 200, To: 400, UptoMS: t0}}})
	w.wantBalance(1, 5, 3, 1, 1)
	// The fifth click's frame is damaged: an empty range covers it, so it is set aside and not waited for.
	w.span(f, 400, 500, t0)
	w.wantBalance(1, 5, 3, 0, 2)
	w.wantBalance(0, 5, 3, 0, 2)
	w.ok(w.db.CompactRanges(t.Context()))
	w.wantBalance(1, 5, 3, 0, 2)
	wantErr(t, w.db.TickFeed(t.Context(), storage.Tick{Feed: f, Owner: other}), storage.ErrFeedLost)
}

// sentSince: what waits outside the spools is not older than is told, feed by feed; what lies in a spool does not count.
func sentSince(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f, g := feedOf(1), feedOf(2)
	t0 := w.register(f)
	w.register(g) // at t0, too: idle at first, so it holds nothing however early it is
	want := func(after int64) {
		t.Helper()
		b, err := w.db.FeedBalance(t.Context(), 0)
		w.ok(err)
		if b.SentMS != after {
			t.Fatalf("sent since %d, want %d; the feeds began at %d", b.SentMS, after, t0)
		}
		if b, err := w.db.FeedBalance(t.Context(), 1); err != nil || b.SentMS != 0 {
			t.Fatalf("of a campaign alone it is not known: %+v, %v", b, err)
		}
	}
	tick := func(feed queue.FeedID, counted, answered, spool int64) {
		t.Helper()
		w.ok(w.db.TickFeed(t.Context(), storage.Tick{Feed: feed, Owner: me, Counted: counted, Answered: map[uint64]int64{1: answered}, SpoolClicks: spool, OldestMS: t0 + 5}))
	}
	want(0)
	tick(f, 300, 3, 3)
	want(0) // all is in the spool
	tick(f, 300, 3, 2)
	want(t0) // one has left it
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{w.at(1, 1, 0, "a")}, Ranges: []storage.Range{{Feed: f, From: 0, To: 100, UptoMS: t0 + 20}}})
	want(0)
	tick(f, 300, 3, 0)
	want(t0 + 20)
	w.span(f, 200, 300, t0+90) // behind a hole: nothing is told of it
	want(t0 + 20)
	tick(g, 100, 1, 0)
	want(t0)
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{w.at(2, 1, 0, "b"), w.at(3, 1, 0, "c")}, Ranges: []storage.Range{{Feed: f, From: 100, To: 200, UptoMS: t0 + 50}}})
	want(t0)
	w.span(g, 0, 100, t0+60) // covered by a gap
	want(0)
}

func adoption(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := feedOf(1)
	t0 := w.register(f)
	w.ok(w.db.TickFeed(t.Context(), storage.Tick{Feed: f, Owner: me, Counted: 300, Answered: map[uint64]int64{1: 4, 2: 6}}))
	if a, err := w.db.AdoptFeed(t.Context(), feedOf(7), other); err != nil || a.Known {
		t.Fatalf("an unknown feed: %+v, %v", a, err)
	}
	a, err := w.db.AdoptFeed(t.Context(), f, other)
	w.ok(err)
	if !a.Known || a.Counted != 300 || a.End != -1 || a.Answered[1] != 4 || a.Answered[2] != 6 || a.State != storage.FeedLive {
		t.Fatalf("adopted %+v", a)
	}
	wantErr(t, w.db.TickFeed(t.Context(), storage.Tick{Feed: f, Owner: me, Counted: 999}), storage.ErrFeedLost)
	w.ok(w.db.TickFeed(t.Context(), storage.Tick{Feed: f, Owner: other, Counted: 310, Answered: map[uint64]int64{1: 5}}))
	// The file is shorter than what was counted: the larger of both is the end.
	w.ok(w.db.SignOffFeed(t.Context(), f, other, 250))
	w.span(f, 0, 250, t0+1)
	w.wantComplete(t0 + 1)
	w.span(f, 250, 310, t0+1)
	if again, err := w.db.AdoptFeed(t.Context(), f, me); err != nil || again.State != storage.FeedSignedOff || again.End != 310 {
		t.Fatalf("adopted again: %+v, %v", again, err)
	}
	w.passed(t0 + 1)
	if got := w.complete(); got <= t0+1 {
		t.Fatalf("a finished feed holds complete_through at %d", got)
	}
}

func forgetting(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := feedOf(1)
	t0 := w.register(f)
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{w.at(1, 1, 0, "a")}, Ranges: []storage.Range{{Feed: f, From: 0, To: 100, UptoMS: t0 + 10}}})
	w.ok(w.db.TickFeed(t.Context(), storage.Tick{Feed: f, Owner: me, Counted: 300, Answered: map[uint64]int64{1: 3}, SpoolClicks: 2, OldestMS: t0}))
	wantErr(t, w.db.ForgetFeed(t.Context(), queue.FeedID{9, 9}), storage.ErrFeedUnknown)
	wantErr(t, w.db.ForgetFeed(t.Context(), f), storage.ErrFeedSeen)
	w.wantBalance(1, 3, 1, 2, 0)
	w.unseen(f, 11*time.Second)
	if list, err := w.db.Instances(t.Context()); err != nil || len(list) != 1 || !list[0].Silent || !list[0].Holds || list[0].Waiting != 2 {
		t.Fatalf("instances %+v, %v", list, err)
	}
	w.wantComplete(t0 + 10)
	w.ok(w.db.ForgetFeed(t.Context(), f))
	w.ok(w.db.ForgetFeed(t.Context(), f))
	w.passed(t0 + 10)
	if got := w.complete(); got <= t0+10 {
		t.Fatalf("a forgotten feed holds complete_through at %d", got)
	}
	w.wantBalance(1, 3, 1, 0, 2)
	gaps, err := w.db.Gaps(t.Context(), 0, 0)
	w.ok(err)
	if len(gaps) != 1 || gaps[0] != (storage.Gap{Feed: f, FromMS: t0 + 10, Clicks: 2, Reason: storage.GapForgotten}) {
		t.Fatalf("gaps %+v", gaps)
	}
	wantErr(t, w.db.TickFeed(t.Context(), storage.Tick{Feed: f, Owner: me}), storage.ErrFeedForgotten)
	// The disk is seen again: its clicks are stored after all, the gap ends.
	a, err := w.db.AdoptFeed(t.Context(), f, other)
	w.ok(err)
	if !a.Known || a.State != storage.FeedForgotten || a.Counted != 300 {
		t.Fatalf("adopted %+v", a)
	}
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{w.at(2, 1, 0, "b"), w.at(3, 1, 0, "c")}, Ranges: []storage.Range{{Feed: f, From: 100, To: 300, UptoMS: t0 + 20}}})
	w.ok(w.db.TickFeed(t.Context(), storage.Tick{Feed: f, Owner: other, Counted: 300}))
	w.ok(w.db.SignOffFeed(t.Context(), f, other, 300))
	w.wantBalance(1, 3, 3, 0, 0)
	if gaps, err = w.db.Gaps(t.Context(), 0, 0); err != nil || gaps[0].ToMS == 0 {
		t.Fatalf("the gap is still open: %+v, %v", gaps, err)
	}
}

func folding(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	letter := w.at(9, 1, 1, "z")
	for n := byte(1); n <= 3; n++ {
		f := feedOf(n)
		t0 := w.register(f)
		rows := []storage.ClickRow{w.at(int64(n), 1, 0, "a"), w.at(int64(n), 2, 0, "a")}
		rows[0].Feed, rows[1].Feed = f, f
		b := storage.Batch{Clicks: rows, Ranges: []storage.Range{{Feed: f, From: 0, To: 100, UptoMS: t0}}}
		if n == 1 {
			b.Dead = []storage.DeadLetter{letterFor(&letter, "rejected")}
		}
		w.ingest(b)
		w.ok(w.db.TickFeed(t.Context(), storage.Tick{Feed: f, Owner: me, Counted: 100, Answered: map[uint64]int64{1: 3, 2: 1}}))
		w.ok(w.db.SignOffFeed(t.Context(), f, me, 100))
	}
	w.ok(w.db.CompactRanges(t.Context()))
	w.wantBalance(1, 9, 3, 0, 6)
	w.ok(w.db.FoldFeeds(t.Context()))
	if n := w.number("SELECT COUNT(*) FROM feed_counts"); n != 6 {
		t.Fatalf("feeds finished today were folded: %d rows", n)
	}
	w.unseen(feedOf(1), 25*time.Hour)
	w.unseen(feedOf(2), 25*time.Hour)
	for range 2 {
		w.ok(w.db.FoldFeeds(t.Context()))
		if n := w.number("SELECT COUNT(*) FROM feed_counts"); n != 4 {
			t.Fatalf("%d rows, want one for each campaign and those of the last feed", n)
		}
		w.wantBalance(1, 9, 3, 0, 6)
		w.wantBalance(2, 3, 3, 0, 0)
	}
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{letter}}) // a letter of a folded feed is replayed
	w.wantBalance(1, 9, 4, 0, 5)
	w.ok(w.db.FoldFeeds(t.Context()))
	w.wantBalance(1, 9, 4, 0, 5)
}

func gapsOnce(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	g := storage.Gap{Feed: feedOf(1), FromMS: 1000, Clicks: -1, Reason: storage.GapSpoolFull}
	w.ok(w.db.RecordGap(t.Context(), g))
	g.ToMS, g.Clicks = 2000, 7
	w.ok(w.db.RecordGap(t.Context(), g))
	w.ok(w.db.RecordGap(t.Context(), g))
	w.ok(w.db.RecordGap(t.Context(), storage.Gap{Feed: feedOf(1), FromMS: 1000, Clicks: -1, Reason: storage.GapLate}))
	all, err := w.db.Gaps(t.Context(), 0, 0)
	w.ok(err)
	if len(all) != 2 || all[0] != g {
		t.Fatalf("gaps %+v", all)
	}
	for _, c := range []struct{ from, to, want int64 }{{2000, 3000, 1}, {1500, 1600, 2}, {0, 1000, 0}, {0, 1001, 2}} {
		got, err := w.db.Gaps(t.Context(), c.from, c.to)
		w.ok(err)
		if int64(len(got)) != c.want {
			t.Errorf("gaps in [%d,%d): %+v, want %d", c.from, c.to, got, c.want)
		}
	}
	if n, err := w.db.UnrecordedClicks(t.Context()); err != nil || n != 7 {
		t.Fatalf("%d unrecorded, %v; want 7", n, err)
	}
}
