package bulk

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

const (
	many      = 300_000
	mostLines = 500_000
	mostMB    = 200 // of the redirector
)

// TestBulk is the evening before a large campaign, on one redirector, in this order.
func TestBulk(t *testing.T) {
	s := newSite(t)
	path := lines(t, "spring", many, nil)

	begin := time.Now()
	first := s.writeFirst(t, path)
	took := time.Since(begin)
	if len(first.lines) != many+1 || first.done.Created != many || s.links(t) != many {
		t.Fatalf("%d lines, %+v, %d links stored", len(first.lines), first.done, s.links(t))
	}
	t.Logf("%d lines, all sent before any was read: %.1f s, %.0f a second; %d MB at most", many, took.Seconds(), rate(many, took), s.peak(t))

	begin = time.Now()
	again := s.curl(t, path)
	if len(again.lines) != many+1 || again.done.Created != 0 || again.done.Existing != many {
		t.Fatalf("the same file by curl: %d lines, %+v", len(again.lines), again.done)
	}
	if !slices.Equal(again.codes(t), first.codes(t)) {
		t.Error("the same refs, and other codes")
	}
	t.Logf("the same file by curl: created %d, existing %d, the same codes, %.1f s", again.done.Created, again.done.Existing, time.Since(begin).Seconds())

	refused := s.curl(t, lines(t, "huge", mostLines+1, nil))
	if refused.status != 413 || s.links(t) != many {
		t.Errorf("%d lines: %d, %d links stored", mostLines+1, refused.status, s.links(t))
	}
	t.Logf("%d lines: %d, nothing created", mostLines+1, refused.status)

	oneBadLine(t, s)
	if got := s.peak(t); got > mostMB {
		t.Errorf("the redirector had %d MB; at most %d are promised", got, mostMB)
	}
	t.Logf("memory of the redirector at the end of all: %d MB at most", s.peak(t))
}

func oneBadLine(t *testing.T, s *site) {
	t.Helper()
	a := s.curl(t, lines(t, "flawed", 2000, map[int]string{7: `{"url":"javascript:alert(1)"}`}))
	var line struct {
		Error struct {
			Errors []struct {
				Field, Rule string
				Line        int
			}
		}
	}
	if err := json.Unmarshal([]byte(a.lines[6]), &line); err != nil {
		t.Fatal(err)
	}
	told := line.Error.Errors
	if a.done.Created != 1999 || a.done.Failed != 1 || len(told) != 1 || told[0].Field != "url" || told[0].Rule != "url_scheme" || told[0].Line != 7 {
		t.Errorf("a bad line 7: %+v, %s", a.done, a.lines[6])
	}
	t.Logf("a bad line 7 of 2000: created %d, failed %d: %s", a.done.Created, a.done.Failed, a.lines[6])
}
