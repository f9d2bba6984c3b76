package storage

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWatermarkIsNeverAhead cuts a feed into messages at random, again and again, stores them in any order, some never,
// compacts in between, and holds the watermark against the plain truth: every frame whose time lies below it is stored.
func TestWatermarkIsNeverAhead(t *testing.T) {
	const schedules = 20_000
	reached := 0
	for seed := range uint64(schedules) {
		r := rand.New(rand.NewPCG(seed, 1))
		frames := timesOfFrames(r)
		f := feedState{state: FeedLive}
		stored := make([]bool, len(frames))
		for range 2 + r.IntN(25) {
			m := cutMessage(r, frames)
			f.ranges = append(f.ranges, m)
			for i := m.From; i < m.To; i++ {
				stored[i] = true
			}
			seen := f
			seen.ranges = slices.Clone(f.ranges)
			seen.advance()
			for i, ms := range frames {
				if ms < seen.upto && !stored[i] {
					t.Fatalf("seed %d: the watermark is %d, but the frame at %d of %d is not stored", seed, seen.upto, i, ms)
				}
			}
			if seen.upto < f.upto {
				t.Fatalf("seed %d: the watermark fell from %d to %d", seed, f.upto, seen.upto)
			}
			if r.IntN(3) == 0 { // compaction
				f.done, f.upto = seen.done, seen.upto
				f.ranges = slices.DeleteFunc(f.ranges, func(m Range) bool { return m.To <= f.done && m.UptoMS <= f.upto })
			}
			if seen.done == int64(len(frames)) {
				reached++
			}
		}
	}
	t.Logf("%d schedules; the end was reached %d times; watermarks ahead of what is stored: 0", schedules, reached)
}

// timesOfFrames gives each offset one frame, in file order, which is time order.
func timesOfFrames(r *rand.Rand) []int64 {
	frames := make([]int64, 1+r.IntN(12))
	ms := int64(1)
	for i := range frames {
		ms += int64(r.IntN(3))
		frames[i] = ms
	}
	return frames
}

// cutMessage is some part of the feed, perhaps empty, with the watermark of the first frame behind it.
func cutMessage(r *rand.Rand, frames []int64) Range {
	from := r.IntN(len(frames) + 1)
	to := from + r.IntN(len(frames)-from+1)
	upto := frames[len(frames)-1] + int64(r.IntN(5)) // the clock, read at the end
	if to < len(frames) {
		upto = frames[to]
	}
	return Range{From: int64(from), To: int64(to), UptoMS: upto}
}

func TestWatermarkIsTheLeastOfThoseThatHold(t *testing.T) {
	feeds := func(states ...FeedState) []*feedState {
		var all []*feedState
		for i, s := range states {
			all = append(all, &feedState{state: s, upto: int64(10 * (i + 1)), done: 5, end: 9})
		}
		return all
	}
	for _, c := range []struct {
		name  string
		feeds []*feedState
		want  int64
	}{
		{"none", nil, 1000},
		{"forgotten", feeds(FeedForgotten), 1000},
		{"forgotten, live", feeds(FeedForgotten, FeedLive), 20},
		{"signed off and not stored", feeds(FeedSignedOff, FeedLive), 10},
		{"finished", []*feedState{{state: FeedSignedOff, upto: 1, done: 9, end: 9}, {state: FeedLive, upto: 7}}, 7},
	} {
		if got := watermark(c.feeds, 1000); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
