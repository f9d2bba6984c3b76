package spool

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"longtail/shared/click"
)

// TestD22 appends 10 million clicks around a step of the clock. A running process does not see the system's step: its
// milliseconds follow the monotonic clock. What it can see is a restart: after a step of -1 h the database's floor lies an
// hour ahead and all ids of that hour bear one millisecond, which is the worst case for their random part; after a step
// of +1 h the ids jump.
func TestD22(t *testing.T) { synctest.Test(t, stepTheClock) }

func stepTheClock(t *testing.T) {
	const each = 3_400_000
	ids := make([]click.ID, 0, 3*each)
	backwards := 0
	run := func(name string, clock *click.Clock) {
		d := newDisk()
		p := d.start()
		o := diskOptions(p)
		o.Clock, o.FS, o.MaxBytes = clock, shredder{p}, 1<<40
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		last := int64(0)
		for range each {
			c := newClick(1)
			if err := s.Append(&c); err != nil {
				t.Fatal(err)
			}
			if c.ID.MS() < last {
				backwards++
			}
			last = c.ID.MS()
			ids = append(ids, c.ID)
		}
		if err := s.Live().commit(); err != nil {
			t.Fatal(err)
		}
		end(d, p, s)
		t.Logf("%s: %d ids up to %s", name, each, time.UnixMilli(last).UTC())
	}
	clock := click.NewClock()
	run("before", clock)
	behind := click.NewClock()
	behind.Raise(behind.MS() + time.Hour.Milliseconds())
	run("the system's clock stepped by -1 h: all under the floor", behind)
	time.Sleep(time.Hour)
	run("the system's clock stepped by +1 h", clock)
	slices.SortFunc(ids, func(a, b click.ID) int { return bytes.Compare(a[:], b[:]) })
	collisions := len(ids) - len(slices.Compact(slices.Clone(ids)))
	t.Logf("row: D22 struck=2 acked=%d rows=%d lost=0 dup=%d what=\"clock stepped by -1 h and by +1 h; steps backwards within a process %d\"", len(ids), len(ids)-collisions, collisions, backwards)
	if collisions != 0 || backwards != 0 {
		t.Error("ids are not unique or not in order")
	}
}

// A shredder keeps nothing of what is written to its files.
type shredder struct{ *proc }

func (s shredder) Create(path string) (File, error) {
	f, err := s.proc.Create(path)
	return shredded{f}, err
}

type shredded struct{ File }

func (shredded) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
