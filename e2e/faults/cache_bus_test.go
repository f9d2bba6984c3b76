package faults

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"longtail/e2e/oracle"
	"longtail/e2e/stage"
	"longtail/e2e/wire"
)

// A breach is a way in which the bus between the instances is lost for a while.
type breach struct {
	name  string
	lasts time.Duration
	begin func(t *testing.T)
	end   func(t *testing.T) (struck int) // how often it was seen to fall
}

// Links are edited all the time while the bus is lost in every way that it can be lost; every instance is asked for each
// edit until it serves it.
func TestC7LostBus(t *testing.T) {
	f := stage.NewFault(t, "C7")
	h := newHerd(t, stage.Full(4, 3), nil)
	half := halfBreak(t, h)
	edits := &editor{h: h, links: shuffled(f, h.links(t, t.Name(), 200)), versions: make([]int, 200)}
	h.know(t, edits.links)
	h.silent(t, false)
	var notes []string
	short, long := 5*time.Second, 30*time.Second
	for _, b := range stage.Full( // all at full size, those that differ most in the part
		[]breach{cut(h, short), cut(h, long), stall(h, short), stall(h, long), half(short), half(long), overflow(h, short)},
		[]breach{cut(h, short/4), half(short / 4), overflow(h, short/4)},
	) {
		notes = append(notes, edits.during(t, f, b))
	}
	f.Note("%s", strings.Join(notes, "; "))
}

// cut resets every connection to Redis and takes none.
func cut(h *herd, d time.Duration) breach {
	before := 0
	return breach{"connections cut", d,
		func(*testing.T) { before = h.wire.Cuts(); h.wire.Refuse(); h.wire.Cut() },
		func(*testing.T) int { h.wire.Heal(); return h.wire.Cuts() - before }}
}

// stall lets Redis take everything and answer nothing.
func stall(h *herd, d time.Duration) breach {
	return breach{"Redis hanging", d,
		func(*testing.T) { h.wire.Stall(wire.Both) },
		func(t *testing.T) int {
			t.Helper()
			silent := stage.Meter(t, h.all, "longtail_bus_silent")
			h.wire.Heal()
			return silent
		}}
}

// halfBreak returns a breach in which subscribers' connections are silent while all other exchanges with Redis go on. The
// instances subscribe anew once, so that the wire sees it.
func halfBreak(t *testing.T, h *herd) func(d time.Duration) breach {
	t.Helper()
	var mu sync.Mutex
	var mended chan struct{} // nil while whole
	h.wire.Watch(func(*wire.Conn) wire.Hook {
		subscriber := false
		return func(way wire.Direction, piece []byte) wire.Fate {
			if way == wire.Up {
				subscriber = subscriber || bytes.Contains(bytes.ToLower(piece), []byte("\r\nsubscribe\r\n"))
				return wire.Forward
			}
			mu.Lock()
			wait := mended
			mu.Unlock()
			if subscriber && wait != nil {
				<-wait
			}
			return wire.Forward
		}
	})
	h.wire.Cut()
	mend := func() {
		mu.Lock()
		defer mu.Unlock()
		if mended != nil {
			close(mended)
			mended = nil
		}
	}
	t.Cleanup(mend) // whatever happened, nobody waits for ever
	return func(d time.Duration) breach {
		return breach{"half a break", d,
			func(*testing.T) {
				mu.Lock()
				defer mu.Unlock()
				mended = make(chan struct{})
			},
			func(t *testing.T) int {
				t.Helper()
				silent := stage.Meter(t, h.all, "longtail_bus_silent")
				mend()
				return silent
			}}
	}
}

// overflow lets Redis disconnect its subscribers for the size of their output buffers, four times a second.
func overflow(h *herd, d time.Duration) breach {
	const limit = "client-output-buffer-limit"
	var stop context.CancelFunc
	var flood sync.WaitGroup
	before := 0
	return breach{"output buffers overflowing", d,
		func(t *testing.T) {
			t.Helper()
			before = disconnections(t, h)
			if err := h.redis.ConfigSet(t.Context(), limit, "pubsub 64kb 0 0").Err(); err != nil {
				t.Fatal(err)
			}
			var ctx context.Context
			ctx, stop = context.WithCancel(t.Context())
			flood.Go(func() {
				tick := time.NewTicker(250 * time.Millisecond)
				defer tick.Stop()
				for ctx.Err() == nil {
					h.redis.Publish(ctx, "longtail:bus", strings.Repeat("x", 1<<20))
					<-tick.C
				}
			})
		},
		func(t *testing.T) int {
			t.Helper()
			stop()
			flood.Wait()
			if err := h.redis.ConfigSet(t.Context(), limit, "pubsub 32mb 8mb 60").Err(); err != nil {
				t.Fatal(err)
			}
			return disconnections(t, h) - before
		}}
}

// disconnections is how many clients Redis says that it disconnected for the size of their buffers.
func disconnections(t *testing.T, h *herd) int {
	t.Helper()
	text, err := os.ReadFile(h.Redis.LogPath)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("for overcoming of output buffer limits"))
}

// An editor changes links, one after the other and each again and again, by redirectors that are not in the herd: nobody
// in it knows of an edit but from the bus and the feed.
type editor struct {
	h        *herd
	links    []oracle.Link
	versions []int // of each link
	made     int
}

// during edits for a while before, during and after a breach, and judges what was seen. It returns the figures.
func (e *editor) during(t *testing.T, f *stage.Fault, b breach) string {
	t.Helper()
	n, around := stage.Full(1000, 100), stage.Full(7*time.Second, time.Second)
	pace := (2*around + b.lasts) / time.Duration(n)
	var seen observers
	ctx, stop := context.WithCancel(t.Context())
	var editing sync.WaitGroup
	editing.Go(func() { e.edit(ctx, t, &seen, n, pace) })
	stage.Pass(t, around)
	begun := time.Now()
	b.begin(t)
	stage.Pass(t, b.lasts)
	struck := b.end(t)
	e.h.silent(t, false)
	mended := time.Now()
	editing.Wait()
	stop()
	if f.StruckN(b.name, struck); struck == 0 {
		t.Errorf("%s: it never fell", b.name)
	}
	lost := func(acked time.Time) bool {
		return acked.After(begun.Add(-100*time.Millisecond)) && acked.Before(mended)
	}
	all := seen.all()
	judge(t, e.h, all, func(acked time.Time) time.Duration {
		if lost(acked) {
			return withoutBus
		}
		return withBus
	})
	var with, without []sight
	for _, s := range all {
		if lost(s.acked) {
			without = append(without, s)
		} else {
			with = append(with, s)
		}
	}
	name := fmt.Sprintf("%s for %v", b.name, b.lasts)
	return staleness(t, e.h, name, without) + ", beside with the bus " + percentiles(with)
}

// edit makes n edits at a pace, several at once when they take longer.
func (e *editor) edit(ctx context.Context, t *testing.T, seen *observers, n int, pace time.Duration) {
	t.Helper()
	var all sync.WaitGroup
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for range n {
		i := e.made % len(e.links)
		api := e.h.others[e.made%len(e.h.others)]
		e.made++
		e.versions[i]++
		url := fmt.Sprintf("https://example.com/%d/%d", i, e.versions[i])
		all.Go(func() {
			seen.apply(t, e.h, change{e.links[i].Path,
				func(ctx context.Context) error {
					return api.EditLink(ctx, e.links[i].Code, map[string]any{"url": url})
				},
				func(r reply) bool { return r.location == url }})
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	all.Wait()
}
