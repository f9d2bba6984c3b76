package console

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// However many look at a page, it is asked for once a second; when the last one leaves, not any more.
func TestOnePollForAllViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLive()
		defer l.close()
		var looks atomic.Int64
		look := func(context.Context) event { looks.Add(1); return event{At: time.Now().UnixMilli()} }
		var leave []func()
		var viewers []chan []byte
		for range 50 {
			events, gone := l.join("a page", look)
			leave, viewers = append(leave, gone), append(viewers, events)
		}
		for second := range 3 {
			synctest.Wait()
			if n := looks.Load(); n != int64(second)+1 {
				t.Errorf("after %d s: looked %d times for %d viewers; want %d", second, n, len(viewers), second+1)
			}
			for _, events := range viewers {
				if len(<-events) == 0 {
					t.Error("a viewer got nothing")
				}
			}
			time.Sleep(liveEvery)
		}
		for _, gone := range leave {
			gone()
		}
		synctest.Wait()
		seen := looks.Load()
		time.Sleep(10 * liveEvery)
		if n := looks.Load(); n != seen || len(l.polls) != 0 {
			t.Errorf("looked %d times at a page that nobody sees; %d polls", n-seen, len(l.polls))
		}
	})
}
