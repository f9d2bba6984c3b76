package faults

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// smallDisk mounts a file system in memory of as many bytes. That needs root; unshare --map-root-user --mount makes one of
// anybody, for a process and its children.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("longtail", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount a small file system: %v; run the test as root, or with unshare --map-root-user --mount before it", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk has no byte left.
func fill(t *testing.T, path string) {
	t.Helper()
	ballast, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for block := make([]byte, 4096); ; {
		switch _, err := ballast.Write(block); {
		case errors.Is(err, syscall.ENOSPC):
			return
		case err != nil:
			t.Fatal(err)
		}
	}
}

// leftovers are temporary files in a spool, and segments without a header.
func leftovers(t *testing.T, volume string) []string {
	t.Helper()
	var found []string
	files, err := filepath.Glob(filepath.Join(volume, "spool/*/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if errors.Is(err, os.ErrNotExist) || filepath.Base(file) == "lock" {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() == 0 || filepath.Ext(file) == ".tmp" {
			found = append(found, filepath.Base(file))
		}
	}
	return found
}

// A redirector's disk is full while the broker is away: people are redirected all the same, each click that could not be
// written down is counted and named in a gap, and once there is space it goes on without a restart.
func TestD8FullDisk(t *testing.T) {
	f := stage.NewFault(t, "D8")
	s := stage.For(t)
	volume := smallDisk(t, stage.Full("16m", "2m"))
	r := spare(t, s, "redirector-full", volume)
	stage.Kill(t, s.RabbitMQ.Process)
	ballast := filepath.Join(volume, "ballast")
	fill(t, ballast)
	run := s.Start(t, r.URL(), stage.Full(60_000, 4_800), stage.Full(1000, 1200))
	meter := func(name string) int { return stage.Meter(t, []*stack.Program{r}, name) }
	unrecorded := func() int { return meter("longtail_clicks_unrecorded_total") }
	stage.Until(t, time.Minute, func() string { return "a full disk" }, func() bool { return unrecorded() >= stage.Full(5_000, 400) })
	if found := leftovers(t, volume); len(found) != 0 {
		t.Errorf("left on the full disk: %v", found)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	before, begin := meter("longtail_clicks_recorded_total"), time.Now()
	stage.Until(t, 10*time.Second, func() string { return "clicks that are written down again" }, func() bool {
		return meter("longtail_clicks_recorded_total") > before
	})
	took := time.Since(begin)
	stage.Start(t, s.RabbitMQ.Process)
	answers := s.Fresh(t, run.Answers())
	f.StruckN("clicks that found a full disk", unrecorded())
	deficit(t, f, s, answers, unrecorded())
	f.Note("clicks were written down again %v after there was space", took.Round(time.Millisecond))
	if err := r.Term(stage.Within(t, graceLimit)); err != nil {
		t.Fatal(err)
	}
	if found := leftovers(t, volume); len(found) != 0 {
		t.Errorf("left after the end: %v", found)
	}
}

// deficit judges a run of which some clicks are known to be unrecorded: just as many rows are missing, and a gap names
// the number. In the table those are not lost: the counter and the gap tell of each.
func deficit(t *testing.T, f *stage.Fault, s *stage.Stage, answers []load.Answer, unrecorded int) {
	t.Helper()
	gaps := s.Gaps(t)
	rows, err := s.DB.Rows(t.Context(), s.Crowd.ID)
	if err != nil {
		t.Fatal(err)
	}
	found := &stage.Found{Tally: s.Crowd.Compare(answers, rows, true)}
	if found.Lost != unrecorded || found.Duplicated+found.Unexpected+found.Astray != 0 {
		t.Errorf("%d clicks unrecorded, %d rows are missing, %d duplicated, %d unexpected", unrecorded, found.Lost, found.Duplicated, found.Unexpected)
	}
	told := 0
	for _, g := range gaps {
		if g.Reason != "spool_full" || g.Clicks == nil {
			t.Errorf("gap %+v; want spool_full with its number", g)
			continue
		}
		told += *g.Clicks
	}
	if len(gaps) == 0 || told != unrecorded {
		t.Errorf("%d gaps tell of %d clicks; want %d", len(gaps), told, unrecorded)
	}
	stage.AllAnswered(t, found)
	found.Lost -= unrecorded
	f.Judged(found)
}

// spare starts one more redirector, with a volume of its own. It is ended with the test.
func spare(t *testing.T, s *stage.Stage, name, volume string) *stack.Program {
	t.Helper()
	r, err := s.Redirector(name, volume)
	if err != nil {
		t.Fatal(err)
	}
	stage.Start(t, r.Process)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("end %s: %v", name, err)
		}
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", name, r.Tail(30))
		}
	})
	return r
}
