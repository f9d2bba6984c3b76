package feed

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/queue/spool"
	"longtail/shared/storage"
)

// A world is a database and a folder of slots.
type world struct {
	t   *testing.T
	db  *storage.DB
	dir string
}

// onDB is the database as the keeper and the spool see it. While it is away, nothing succeeds.
type onDB struct {
	*storage.DB
	away atomic.Bool
}

var errAway = errors.New("the database is away")

func (s *onDB) RegisterFeed(ctx context.Context, f queue.FeedID, o storage.Owner, name string) (int64, error) {
	if s.away.Load() {
		return 0, errAway
	}
	return s.DB.RegisterFeed(ctx, f, o, name)
}

func (s *onDB) RecordGap(ctx context.Context, g spool.Gap) error {
	if s.away.Load() {
		return errAway
	}
	return s.DB.RecordGap(ctx, storage.Gap(g))
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Options{DSN: "sqlite:" + filepath.Join(t.TempDir(), "longtail.db"), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &world{t, db, t.TempDir()}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// An instance is one redirector: its spool, its keeper, and a reader that stores what the spool delivers.
type instance struct {
	t      *testing.T
	spool  *spool.Spool
	keeper *Keeper
	store  *onDB
	stop   context.CancelFunc
	ended  chan struct{}
}

func (w *world) start(name string) *instance {
	w.t.Helper()
	i := &instance{t: w.t, store: &onDB{DB: w.db}, ended: make(chan struct{})}
	clock := click.NewClock()
	var err error
	i.spool, err = spool.Open(w.t.Context(), spool.Options{
		Dir: w.dir, MaxBytes: 1 << 30, Clock: clock, Gaps: i.store, Log: quiet(), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	i.keeper = New(i.store, i.spool, clock, name, quiet())
	var ctx context.Context
	ctx, i.stop = context.WithCancel(context.Background())
	go func() {
		defer close(i.ended)
		for {
			d, err := i.spool.Receive(ctx)
			if err != nil {
				return
			}
			d.Done(w.ingest(ctx, d))
		}
	}()
	w.t.Cleanup(i.die)
	return i
}

// die ends the instance as a crash would: nothing is signed off.
func (i *instance) die() {
	i.stop()
	<-i.ended
	i.spool.Close()
}

// ingest stores a delivery's clicks and its range.
func (w *world) ingest(ctx context.Context, d *queue.Delivery) error {
	b := storage.Batch{Ranges: []storage.Range{{Feed: d.Feed, From: d.From, To: d.To, UptoMS: d.UptoMS}}}
	for rest := d.Frames; len(rest) > 0; {
		payload, size, err := click.Next(rest)
		if err != nil {
			return err
		}
		c, err := click.Decode(payload)
		if err != nil {
			return err
		}
		b.Clicks = append(b.Clicks, storage.ClickRow{Click: c, Feed: d.Feed})
		rest = rest[size:]
	}
	_, err := w.db.Ingest(ctx, b)
	return err
}

func (i *instance) click(n int) {
	i.t.Helper()
	for range n {
		c := click.Click{Link: 1, Account: 1, Campaign: 7, Domain: 1, Method: click.GET}
		if err := i.spool.Append(&c); err != nil {
			i.t.Fatal(err)
		}
	}
}

// eventually waits until the balance of the campaign is what is wanted, telling the counts meanwhile.
func (w *world) eventually(i *instance, answered, stored int64) {
	w.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := i.keeper.tick(w.t.Context())
		b, balanceErr := w.db.FeedBalance(w.t.Context(), 7)
		if err == nil && balanceErr == nil && b.Answered == answered && b.Stored == stored && b.Waiting == 0 && b.SetAside == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("balance %+v, want answered %d, stored %d (%v, %v)", b, answered, stored, err, balanceErr)
		}
		wait(w.t.Context(), 5*time.Millisecond)
	}
}

func (w *world) states() map[storage.FeedState]int {
	w.t.Helper()
	list, err := w.db.Instances(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	states := map[storage.FeedState]int{}
	for _, i := range list {
		states[i.State]++
	}
	return states
}

func TestAFeedIsRegisteredToldAndSignedOff(t *testing.T) {
	w := newWorld(t)
	a := w.start("a")
	if a.keeper.Registered() {
		t.Error("registered before it was")
	}
	if err := a.keeper.register(t.Context()); err != nil || !a.keeper.Registered() {
		t.Fatal(err)
	}
	a.click(300)
	w.eventually(a, 300, 300)
	a.click(5)
	if err := a.keeper.SignOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.storedIs(305)
	if files, _ := filepath.Glob(filepath.Join(w.dir, "*", "*.seg")); len(files) != 0 {
		t.Errorf("left on the disk: %v", files)
	}
	if s := w.states(); s[storage.FeedLive] != 0 {
		t.Errorf("states %v", s)
	}
}

func (w *world) storedIs(stored int64) {
	w.t.Helper()
	if b, err := w.db.FeedBalance(w.t.Context(), 7); err != nil || b.Stored != stored || b.Waiting != 0 {
		w.t.Errorf("balance %+v %v", b, err)
	}
}

func TestADeadOnesClicksAreAdoptedAndItsFeedSignedOff(t *testing.T) {
	w := newWorld(t)
	a := w.start("a")
	if err := a.keeper.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.click(50)
	w.eventually(a, 50, 50)
	a.stop() // nothing is delivered any more
	<-a.ended
	a.click(20)
	a.die()

	b := w.start("b")
	if err := b.keeper.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.click(3)
	w.eventually(b, 73, 73)
	deadline := time.Now().Add(5 * time.Second)
	for len(b.keeper.adopted) > 0 && time.Now().Before(deadline) {
		if err := b.keeper.tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.states(); s[storage.FeedLive] != 1 {
		t.Errorf("the dead one's feed still lives: %v", s)
	}
}

func TestAForgottenFeedIsRenewed(t *testing.T) {
	w := newWorld(t)
	a := w.start("a")
	if err := a.keeper.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.click(10)
	w.eventually(a, 10, 10)
	first := a.spool.Live().ID()
	// Another owner takes it, as if an operator had moved the disk: this one must not go on with it.
	if _, err := w.db.AdoptFeed(t.Context(), first, storage.Owner{9}); err != nil {
		t.Fatal(err)
	}
	if err := a.keeper.tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a.spool.Live().ID() == first || !a.keeper.Registered() {
		t.Error("no new feed was begun")
	}
	a.click(4)
	w.eventually(a, 14, 14)
}

func TestClicksBeforeALateRegistrationAreNamed(t *testing.T) {
	w := newWorld(t)
	a := w.start("a")
	a.store.away.Store(true)
	a.click(3)
	if err := a.keeper.register(t.Context()); !errors.Is(err, errAway) {
		t.Fatal(err)
	}
	wait(t.Context(), 20*time.Millisecond)
	if _, err := w.db.Completeness(t.Context()); err != nil { // T moves past the clicks
		t.Fatal(err)
	}
	a.stop()
	<-a.ended
	a.click(2) // still waiting when the feed is registered
	a.store.away.Store(false)
	wait(t.Context(), 20*time.Millisecond)
	if _, err := w.db.Completeness(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.keeper.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	gaps, err := w.db.Gaps(t.Context(), 0, 0)
	if err != nil || len(gaps) != 1 || gaps[0].Reason != storage.GapLate {
		t.Errorf("gaps %+v, %v", gaps, err)
	}
}

func TestAnUnregisteredFeedsGapIsRecordedToo(t *testing.T) {
	w := newWorld(t)
	s, err := spool.Open(t.Context(), spool.Options{
		Dir: w.dir, MaxBytes: 2000, Clock: click.NewClock(), Gaps: &onDB{DB: w.db}, Log: quiet(), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	recorded := 0
	for range 100 {
		c := click.Click{Link: 1, Account: 1, Campaign: 7, Domain: 1, Method: click.GET}
		if s.Append(&c) == nil {
			recorded++
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d := w.start("drain")
	if n, err := d.keeper.Drain(t.Context()); err != nil || n != 1 {
		t.Fatalf("adopted %d, %v", n, err)
	}
	w.storedIs(int64(recorded))
	gaps, err := w.db.Gaps(t.Context(), 0, 0)
	if err != nil || len(gaps) != 1 || gaps[0].Clicks != int64(100-recorded) || recorded == 100 {
		t.Errorf("recorded %d, gaps %+v, %v", recorded, gaps, err)
	}
}

func TestDrainHandsOverAndTwiceAddsNothing(t *testing.T) {
	w := newWorld(t)
	a := w.start("a")
	if err := a.keeper.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.stop()
	<-a.ended
	a.click(40)
	a.die()
	for i, want := range []int{1, 0} {
		d := w.start("drain")
		n, err := d.keeper.Drain(t.Context())
		if err != nil || n != want {
			t.Errorf("drain %d adopted %d feeds, %v", i, n, err)
		}
		w.storedIs(40)
		d.die()
	}
}
