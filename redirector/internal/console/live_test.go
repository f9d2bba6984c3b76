package console

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// However many look at a page, it is asked for once a second; when the last one leaves, not any more.
func TestOnePollForAllViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLive()
		defer l.close()
		looks := 0
		look := func(context.Context) event { looks++; return event{At: time.Now().UnixMilli()} }
		var leave []func()
		var viewers []chan []byte
		for range 50 {
			events, gone := l.join("a page", look)
			leave, viewers = append(leave, gone), append(viewers, events)
		}
		for second := range 3 {
			synctest.Wait()
			if looks != second+1 {
				t.Errorf("after %d s: looked %d times for %d viewers; want %d", second, looks, len(viewers), second+1)
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
		seen := looks
		time.Sleep(10 * liveEvery)
		if looks != seen || len(l.polls) != 0 {
			t.Errorf("looked %d times at a page that nobody sees; %d polls", looks-seen, len(l.polls))
		}
	})
}
