package spool

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errRoom = errors.New("no space left on device")

func TestAFullDiskIsCountedExactlyAndHealsWithoutARestart(t *testing.T) {
	synctest.Test(t, fullDisk)
}

func fullDisk(t *testing.T) {
	d := newDisk()
	p := d.start()
	o := diskOptions(p)
	o.SegmentBytes = 1024
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 20)
	d.fault(func(_ *proc, call string) error {
		if strings.HasPrefix(call, "create") || strings.HasPrefix(call, "allocate") || strings.HasPrefix(call, "write frames") {
			return errRoom
		}
		return nil
	})
	refused := 0
	for range 50 {
		c := newClick(7)
		if err := s.Append(&c); errors.Is(err, ErrFull) {
			refused++
		}
		time.Sleep(100 * time.Millisecond)
	}
	gap, pending := s.Live().Gap()
	if !pending || refused != 50 || gap.Clicks != 50 || s.Stats().Unrecorded != 50 {
		t.Errorf("refused %d, gap %+v", refused, gap)
	}
	if n := len(d.files(dir+"/0", ".tmp")); n > 1 { // the one that was prepared before the disk was full
		t.Errorf("%d temporary files were left", n)
	}
	d.fault(nil)
	time.Sleep(time.Second)
	appendN(t, s, 20)
	end(d, p, s)
	s, p, feeds := restart(t, d)
	defer end(d, p, s)
	if again, pending := feeds[0].Gap(); !pending || again != gap {
		t.Errorf("after a crash the gap is %+v, was %+v", again, gap)
	}
	if found := drainFeeds(t, s, feeds); len(found) != 40 {
		t.Errorf("recorded 40, found %d", len(found))
	}
}
