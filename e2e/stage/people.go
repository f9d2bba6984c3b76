package stage

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/platform"
)

// People who click through the load balancer at a steady pace: at least so many, and on until the last blow has fallen.
type People struct{ AtLeast, PerSecond int }

// longest is how long people go on clicking at most, beyond the time that their least number takes.
const longest = 20 * time.Minute

// freshLimit is how soon a click after the last fault must be a row.
const freshLimit = 10 * time.Second

// Clicking lets people click on the public URL while the blows fall, looks at complete_through and the balance all the
// while, and returns the answers of all clicks that were issued.
func (s *Show) Clicking(t *testing.T, p People, blows func()) []load.Answer {
	t.Helper()
	s.watching(t.Context())
	run := s.Start(t, s.URL, p.AtLeast+int(longest.Seconds())*p.PerSecond, p.PerSecond)
	blows()
	Until(t, longest, func() string { return fmt.Sprintf("%d clicks; there were %d", p.AtLeast, run.Progress()) },
		func() bool { return run.Progress() >= p.AtLeast })
	run.Stop()
	answers := run.Answers()
	last := len(answers)
	for last > 0 && answers[last-1].Fate == load.NotSent {
		last--
	}
	return slices.Clip(answers[:last])
}

// CaughtUp waits until nothing of the campaign waits any more, and returns how long that took: a fresh click stands behind
// all that a long fault has left waiting.
func (s *Show) CaughtUp(t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	var b platform.Balance
	var err error
	Until(t, longest, func() string { return fmt.Sprintf("a campaign that has caught up: %+v, %v", b, err) }, func() bool {
		b, err = s.API.Balance(t.Context(), s.Crowd.ID)
		return err == nil && b.Waiting == 0 && b.Answered > 0
	})
	return time.Since(begin).Round(time.Millisecond)
}

// Fresh sends one click more than answers holds, waits until it is a row, and returns the answers with its own.
func (s *Show) Fresh(t *testing.T, answers []load.Answer) []load.Answer {
	t.Helper()
	n := len(answers)
	begin := time.Now()
	fresh := s.From(t, s.URL, n, 1, 0).Answers()[0]
	if fresh.Fate != load.Answered {
		t.Errorf("a fresh click after the last fault: %+v; want a 302", fresh)
	}
	id := s.Crowd.Click(n).UserAgent
	var rows int
	Until(t, time.Minute, func() string { return fmt.Sprintf("a row of a fresh click after the last fault: %d", rows) }, func() bool {
		var err error
		rows, err = s.DB.Of(t.Context(), s.Crowd.ID, id)
		return err == nil && rows > 0
	})
	took := time.Since(begin)
	t.Logf("a fresh click after the last fault was a row after %v", took.Round(time.Millisecond))
	if took > freshLimit {
		t.Errorf("a fresh click after the last fault was a row only after %v; want %v", took.Round(time.Millisecond), freshLimit)
	}
	return append(answers, fresh)
}
