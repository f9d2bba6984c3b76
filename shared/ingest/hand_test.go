package ingest

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// The oldest click in hand is told over all loops, whatever came before it, until its own batch is stored.
func TestLoadTellsTheOldestInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newIngest(t, newMemory(), func(o *Options) { o.BatchAge = time.Minute })
		var loops [2]*pipe
		var running sync.WaitGroup
		for i := range loops {
			loops[i] = &pipe{c: make(chan *queue.Delivery)}
			running.Go(func() {
				if err := g.Run(t.Context(), loops[i]); err != nil {
					t.Error(err)
				}
			})
		}
		give := func(loop int, ms ...int64) {
			var clicks []click.Click
			for _, at := range ms {
				c := newClick(1)
				c.ID = click.NewID(at)
				clicks = append(clicks, c)
			}
			loops[loop].c <- queue.NewDelivery(message(0, clicks...), 1, func(error) {})
		}
		want := func(messages, clicks int, oldest int64) {
			t.Helper()
			synctest.Wait()
			if m, c, ms, _ := g.Load(); m != messages || c != clicks || ms != oldest {
				t.Errorf("%d messages, %d clicks, the oldest of %d; want %d, %d, %d", m, c, ms, messages, clicks, oldest)
			}
		}
		want(0, 0, 0)
		give(0) // an empty range
		want(1, 0, 0)
		give(0, 5000, 9000)
		give(1, 4000)
		want(3, 3, 4000)
		give(0, 3000) // a redelivery
		give(0, 6000)
		want(5, 5, 3000)
		close(loops[0].c)
		want(1, 1, 4000)
		close(loops[1].c)
		want(0, 0, 0)
		running.Wait()
	})
}
