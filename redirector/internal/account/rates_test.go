package account

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

var caller = Principal{Account: 7, Role: Write, Key: KeyID([]byte("k3J9s0aB"))}

// counted is a rate of ten a second on a Redis that the test can take away.
func counted(t *testing.T, instances int) (*miniredis.Miniredis, []*Rates) {
	t.Helper()
	server := miniredis.RunT(t)
	server.SetTime(time.Date(2026, 1, 1, 0, 0, 0, 123_000, time.UTC))
	all := make([]*Rates, instances)
	for i := range all {
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, ContextTimeoutEnabled: true})
		t.Cleanup(func() { client.Close() })
		all[i] = NewRates(10, client)
	}
	return server, all
}

// take asks n times and returns how many may pass and the last answer.
func take(ctx context.Context, r *Rates, who Principal, n int) (passed int, last Allowance) {
	for range n {
		if last = r.Take(ctx, who); last.OK {
			passed++
		}
	}
	return passed, last
}

// The same body on both: in this process, and in Redis.
func TestRates(t *testing.T) {
	t.Run("here", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { rates(t, NewRates(10, nil), time.Sleep) })
	})
	t.Run("redis", func(t *testing.T) {
		server, all := counted(t, 1)
		now := time.Date(2026, 1, 1, 0, 0, 0, 123_000, time.UTC)
		rates(t, all[0], func(d time.Duration) { now = now.Add(d); server.SetTime(now); server.FastForward(d) })
	})
}

func rates(t *testing.T, r *Rates, pass func(time.Duration)) {
	t.Helper()
	ctx := t.Context()
	first := r.Take(ctx, caller)
	if first != (Allowance{OK: true, PerSecond: 10, Burst: 20, Left: 19, Full: 100 * time.Millisecond}) {
		t.Errorf("the first of many: %+v", first)
	}
	if passed, last := take(ctx, r, caller, 25); passed != 19 || last.OK || last.Left != 0 || last.Retry != 100*time.Millisecond || last.Full != 2*time.Second {
		t.Errorf("a burst: %d passed, then %+v", passed, last)
	}
	if passed, _ := take(ctx, r, Principal{Key: KeyID([]byte("another0"))}, 1); passed != 1 {
		t.Error("another key pays for this one")
	}
	pass(350 * time.Millisecond)
	if passed, last := take(ctx, r, caller, 5); passed != 3 || last.Retry != 50*time.Millisecond {
		t.Errorf("350 ms later %d passed, then %+v", passed, last)
	}
	pass(time.Minute)
	if passed, _ := take(ctx, r, caller, 50); passed != 20 {
		t.Errorf("after a minute %d passed at once", passed)
	}
	own := caller
	own.RatePerS = 1000
	if passed, last := take(ctx, r, own, 100); passed != 100 || last.PerSecond != 1000 {
		t.Errorf("with a rate of its own: %d passed, then %+v", passed, last)
	}
}

func TestRatesAreOneForAllInstances(t *testing.T) {
	_, all := counted(t, 3)
	passed := 0
	for range 30 {
		for _, r := range all {
			if r.Take(t.Context(), caller).OK {
				passed++
			}
		}
	}
	if passed != 20 {
		t.Errorf("%d of 90 passed on three instances, want 20", passed)
	}
}

// Without Redis each process goes on by itself; what is in Redis by mistake stops nobody for long.
func TestRatesWithoutRedis(t *testing.T) {
	server, all := counted(t, 1)
	if err := server.Set("longtail:rate:k3J9s0aB:10", "99999999999999999"); err != nil {
		t.Fatal(err)
	}
	if a := all[0].Take(t.Context(), caller); a.OK || a.Retry > 100*time.Millisecond {
		t.Errorf("a time far ahead: %+v", a)
	}
	if err := server.Set("longtail:rate:k3J9s0aB:10", "nonsense"); err != nil {
		t.Fatal(err)
	}
	if a := all[0].Take(t.Context(), caller); !a.OK {
		t.Errorf("nonsense: %+v", a)
	}
	server.Close()
	begin := time.Now()
	passed, last := take(t.Context(), all[0], caller, 40)
	if passed < 20 || passed > 20+1+int(time.Since(begin)/(100*time.Millisecond)) || last.OK {
		t.Errorf("without redis %d of 40 passed, then %+v", passed, last)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("40 requests without redis took %v", took)
	}
}

func TestRatesAreBounded(t *testing.T) {
	r := NewRates(10, nil)
	for i := range 2*ratesMost + 5 {
		r.Take(t.Context(), Principal{Key: KeyID([]byte(fmt.Sprintf("%08d", i)))})
	}
	if n := len(r.keys); n > ratesMost {
		t.Errorf("%d keys are counted", n)
	}
}
