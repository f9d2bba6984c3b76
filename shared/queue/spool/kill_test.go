package spool

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/click"
)

// childAppends runs in a process of its own: it answers each click with a line once it is appended, until it is killed.
func childAppends(dir string) {
	o := Options{
		Dir: dir, MaxBytes: 1 << 30, SegmentBytes: 64 << 10, Clock: click.NewClock(), Gaps: &gaps{},
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for {
		c := newClick(7)
		if err := s.Append(&c); err != nil {
			os.Exit(1)
		}
		fmt.Println(c.ID)
	}
}

func TestKill9LosesNothingThatWasAnswered(t *testing.T) {
	dir := t.TempDir()
	answered := map[string]bool{}
	for range 5 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "SPOOL_CHILD="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(150*time.Millisecond, func() { child.Process.Kill() })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if len(lines.Text()) == 2*click.IDSize { // a line that was cut is no answer
				answered[lines.Text()] = true
			}
		}
		kill.Stop()
		child.Wait()
	}
	s := open(t, testOptions(dir))
	feeds := adopt(t, s)
	found := map[string]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for handedOver(feeds) < len(feeds) {
		d, err := s.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range idsOf(t, d) {
			found[id.String()] = true
		}
		d.Done(nil)
	}
	lost := 0
	for id := range answered {
		if !found[id] {
			lost++
		}
	}
	t.Logf("kills 5, answered %d, found %d, lost %d, recovered %d", len(answered), len(found), lost, len(found)-len(answered))
	if lost != 0 || len(answered) == 0 {
		t.Errorf("lost %d of %d", lost, len(answered))
	}
}

func handedOver(feeds []*Feed) (n int) {
	for _, f := range feeds {
		if f.Counts().Clicks == 0 {
			n++
		}
	}
	return n
}
