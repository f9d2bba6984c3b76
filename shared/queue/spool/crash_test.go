package spool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"longtail/shared/click"
)

// A life is what one process did before it died: which clicks it answered and when, and which it saw handed over.
type life struct {
	mode     Mode
	answered map[click.ID]time.Time
	handed   map[click.ID]bool
	died     time.Time
}

// live runs a random schedule of appends, deliveries, counts and pauses until the process is dead or the schedule ends.
func live(t *testing.T, d *disk, p *proc, mode Mode, r *rand.Rand) *life {
	t.Helper()
	l := &life{mode: mode, answered: map[click.ID]time.Time{}, handed: map[click.ID]bool{}}
	o := diskOptions(p)
	o.Mode, o.SegmentBytes, o.MaxBytes = mode, 1024, 1<<20
	s, err := Open(t.Context(), o)
	if err == nil {
		for range 3 + r.IntN(20) {
			l.step(t, s, r)
		}
	}
	l.died = time.Now()
	d.kill(p)
	if s != nil {
		_ = s.Close() // a dead process's errors
	}
	return l
}

func (l *life) step(t *testing.T, s *Spool, r *rand.Rand) {
	t.Helper()
	switch r.IntN(6) {
	case 0, 1:
		l.burst(s, 1+r.IntN(12))
	case 2:
		time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond)
	case 3, 4:
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		d, err := s.Receive(ctx)
		if err != nil {
			return
		}
		if r.IntN(4) == 0 {
			d.Done(errors.New("not taken"))
			return
		}
		for _, id := range idsOf(t, d) {
			l.handed[id] = true
		}
		d.Done(nil)
	case 5:
		s.Live().Counted(s.Live().Counts().Pos)
		synctest.Wait()
	}
}

// burst appends at once from several goroutines, as requests do.
func (l *life) burst(s *Spool, n int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			c := newClick(7)
			wrote := time.Now()
			if s.Append(&c) == nil {
				mu.Lock()
				l.answered[c.ID] = wrote
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// missing returns what was answered, was not handed over, and is not found: how many, and the age of the oldest at the
// moment of death.
func (l *life) missing(found map[click.ID]int) (n int, age time.Duration) {
	for id, wrote := range l.answered {
		if !l.handed[id] && found[id] == 0 {
			n++
			age = max(age, l.died.Sub(wrote))
		}
	}
	return n, age
}

// dieAt lets the process die at its n-th call that changes something.
func dieAt(d *disk, n int) {
	first := d.calls
	d.before = func(p *proc, _ string) error {
		if d.calls-first >= n {
			p.dead, d.died = true, time.Now()
			return errDead
		}
		return nil
	}
}

func TestD12(t *testing.T) {
	const schedules = 10_000
	seed := faultSeed()
	lost, died := map[string]int{}, map[string]int{}
	answered, mostLost, oldest := 0, 0, time.Duration(0)
	for i := range schedules {
		r := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // a test's schedule
		mode, power, partly := Mode(r.IntN(2)), r.IntN(2) == 0, r.IntN(2) == 0
		synctest.Test(t, func(t *testing.T) {
			d := newDisk()
			dieAt(d, 1+r.IntN(120))
			l := live(t, d, d.start(), mode, r)
			if d.before = nil; !d.died.IsZero() {
				l.died = d.died
			}
			name := map[Mode]string{Kill: "kill", Power: "power"}[mode] + "/killed"
			if power {
				name = strings.Replace(name, "killed", "power loss", 1)
				kept := r
				if !partly {
					kept = nil
				}
				d.powerLoss(kept)
			}
			s, p, feeds := restart(t, d)
			n, age := l.missing(drainFeeds(t, s, feeds))
			end(d, p, s)
			answered += len(l.answered)
			died[name]++
			lost[name] += n
			if mostLost = max(mostLost, n); name == "kill/power loss" {
				oldest = max(oldest, age)
			} else if n > 0 {
				t.Errorf("seed %d, schedule %d, %s: lost %d", seed, i, name, n)
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("seed %d, schedules %d %v, answered %d, lost %v; in mode kill the largest loss of a power loss was %d clicks, the oldest written %s before",
		seed, schedules, died, answered, lost, mostLost, oldest)
	t.Logf("row: D12 seed=%d struck=%d acked=%d lost=%d what=\"deaths at a random call; in mode kill a power loss took at most the last %s, %d clicks\"",
		seed, schedules, answered, lost["kill/killed"]+lost["power/killed"]+lost["power/power loss"], oldest, mostLost)
	if oldest > time.Second {
		t.Errorf("mode kill lost what was written %s before", oldest)
	}
}

// aLife is the same for each failpoint: segments are begun, handed over, counted and removed.
func aLife(t *testing.T, d *disk, mode Mode) *life {
	t.Helper()
	l := &life{mode: mode, answered: map[click.ID]time.Time{}, handed: map[click.ID]bool{}}
	p := d.start()
	o := diskOptions(p)
	o.Mode, o.SegmentBytes = mode, 1024
	s, err := Open(t.Context(), o)
	if err == nil {
		for round := range 6 {
			if round%2 == 1 {
				withoutPreparedFile(s)
			}
			l.burst(s, 10)
			synctest.Wait()
			for range 3 {
				l.receive(t, s)
			}
			s.Live().Counted(s.Live().Counts().Pos)
			time.Sleep(1100 * time.Millisecond)
		}
	}
	l.died = time.Now()
	d.kill(p)
	if s != nil {
		_ = s.Close()
	}
	return l
}

// withoutPreparedFile lets the next segments of a burst be made in the appending goroutine: a life knows both ways,
// however its goroutines take turns.
func withoutPreparedFile(s *Spool) {
	if ready := s.takeReady(); ready != nil {
		_ = ready.Close()
		_ = s.fs.Remove(ready.path)
	}
	s.asked.Store(true) // so nobody asks the janitor before its next round
}

func (l *life) receive(t *testing.T, s *Spool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if d, err := s.Receive(ctx); err == nil {
		for _, id := range idsOf(t, d) {
			l.handed[id] = true
		}
		d.Done(nil)
	}
}

func TestD13(t *testing.T) {
	var calls int
	points := map[string]int{}
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		aLife(t, d, Power)
		calls, points = d.calls, d.points
	})
	crashes, skipped, mostAgain := 0, 0, 0
	visited := map[string]bool{}
	crash := func(n int, point string, mode Mode, power bool) {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk()
			at := diesAt(d, n, point)
			l := aLife(t, d, mode)
			visited[*at] = true
			if d.before = nil; power {
				d.powerLoss(nil)
			}
			crashes++
			lost, again := l.recover(t, d, n)
			if lost > 0 && (!power || mode == Power) {
				skipped += lost
				t.Errorf("mode %d, power loss %v, died at call %d (%s): %d skipped", mode, power, n, *at, lost)
			}
			mostAgain = max(mostAgain, again)
		})
	}
	for n := 1; n <= calls; n++ {
		for _, mode := range []Mode{Kill, Power} {
			crash(n, "", mode, false)
			crash(n, "", mode, true)
		}
	}
	for point := range points { // the order of calls is not the same each time
		for n := 0; !visited[point] && n < 100; n++ {
			crash(n, point, Mode(n%2), n%4 < 2)
		}
	}
	t.Logf("failpoints %d of %d kinds, all visited: %s", calls, len(points), strings.Join(slices.Sorted(maps.Keys(points)), ", "))
	t.Logf("crashes %d, each followed by a crash while recovering and a third opening: stuck 0, skipped %d, sent again of handed over and counted segments at most %d", crashes, skipped, mostAgain)
	t.Logf("row: D13 struck=%d lost=%d what=\"deaths at %d failpoints of %d kinds, each followed by one while recovering\"", crashes, skipped, calls, len(points))
	for point := range points {
		if !visited[point] {
			t.Errorf("not visited: %s", point)
		}
	}
	if mostAgain > 1 {
		t.Errorf("%d segments were sent again that were handed over and counted", mostAgain)
	}
}

// diesAt is dieAt, or dies at the first call of a name; it tells where.
func diesAt(d *disk, n int, point string) *string {
	at := new(string)
	d.before = func(p *proc, call string) error {
		if point == "" && d.calls < n || point != "" && call != point {
			return nil
		}
		if *at == "" {
			p.dead, *at = true, call
		}
		return errDead
	}
	return at
}

// recover opens the disk, dies at some call of the recovery, opens it again and drains. again is how many whole segments
// are delivered once more though all of them was handed over.
func (l *life) recover(t *testing.T, d *disk, n int) (lost, again int) {
	t.Helper()
	dieAt(d, 1+n%7)
	p := d.start()
	if s, err := Open(t.Context(), diskOptions(p)); err == nil {
		end(d, p, s)
	}
	d.kill(p)
	d.before = nil
	s, p, feeds := restart(t, d)
	defer end(d, p, s)
	for _, f := range feeds {
		again += l.handedSegments(f)
	}
	lost, _ = l.missing(drainFeeds(t, s, feeds))
	return lost, again
}

// handedSegments counts the feed's closed segments that are to be sent though all their clicks were handed over.
func (l *life) handedSegments(f *Feed) (n int) {
	for _, s := range f.segments[:len(f.segments)-1] {
		all := s.end > f.confirmed
		_ = piece{s, s.end}.scan(s.base, func(x found) error {
			c, err := click.Decode(x.payload)
			all = all && err == nil && l.handed[c.ID]
			return nil
		})
		if all {
			n++
		}
	}
	return n
}

func TestD11(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("the rewrite fails too = %v", again), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { failedSync(t, again) })
		})
	}
}

func failedSync(t *testing.T, again bool) { //nolint:thelper // it is the test itself: its own lines say what failed
	d := newDisk()
	p := d.start()
	o := diskOptions(p)
	o.Mode = Power
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	l := &life{answered: map[click.ID]time.Time{}}
	l.burst(s, 20)
	before, fails := len(l.answered), 1
	if again {
		fails = 2
	}
	d.fault(func(_ *proc, call string) error {
		if fails > 0 && (call == "sync segment" || call == "sync rewrite") {
			fails--
			return errIO
		}
		return nil
	})
	sick := slices.Collect(maps.Values(d.files(dir+"/0", ".seg")))
	l.burst(s, 20)
	during := len(l.answered) - before
	time.Sleep(3 * time.Second) // the next try
	l.burst(s, 20)
	after := len(l.answered) - before - during
	d.fault(nil)
	end(d, p, s)
	d.powerLoss(nil)
	retried := 0
	for _, node := range sick {
		retried += node.syncsAfter
	}
	s2, p2, feeds := restart(t, d)
	lost, _ := l.missing(drainFeeds(t, s2, feeds))
	end(d, p2, s2)
	t.Logf("answered %d before, %d while a sync failed, %d after; lost %d; refused %d; syncs of the failed file after its failure %d",
		before, during, after, lost, s.Stats().Unrecorded, retried)
	t.Logf("row: D11 struck=1 acked=%d lost=%d what=\"fsync failed; fsyncs of that file afterwards %d\"", before+during+after, lost, retried)
	if lost != 0 || retried != 0 || before != 20 || after != 20 || during != 20 && !again {
		t.Error("a failed sync was answered wrongly")
	}
	if refused := s.Stats().Unrecorded; int64(during)+refused != 20 {
		t.Errorf("of 20 clicks %d were answered and %d refused", during, refused)
	}
}

// faultSeed is that of a whole run of faults, or a new one.
func faultSeed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("FAULT_SEED"), 10, 64); err == nil {
		return n
	}
	return uint64(time.Now().UnixNano()) //nolint:gosec // a seed
}
