package account

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"
)

// ratesMost bounds the keys that are counted in this process; beyond it all begin again.
const ratesMost = 10_000

// An Allowance is what the rate of a key leaves after one request.
type Allowance struct {
	OK        bool
	PerSecond int
	Burst     int           // requests at once of a key that was idle
	Left      int           // requests that may follow now
	Full      time.Duration // until the whole burst is there again
	Retry     time.Duration // until the next request may come; 0 if OK
}

// Rates holds every key to its rate: so many requests a second, twice as many in a burst. They are counted in Redis for
// all redirectors; while Redis is down, or without it, by each process alone.
type Rates struct {
	rate   int
	shared *sharedRates // nil without Redis

	mu   sync.Mutex
	keys map[rateKey]*rate.Limiter
}

// rateKey carries the rate, so that a changed one is counted anew.
type rateKey struct {
	key  KeyID
	rate int
}

// NewRates holds keys without a rate of their own to perSecond. client may be nil.
func NewRates(perSecond int, client redis.UniversalClient) *Rates {
	r := &Rates{rate: perSecond, keys: make(map[rateKey]*rate.Limiter)}
	if client != nil {
		r.shared = newSharedRates(client)
	}
	return r
}

// Take counts one request of a principal's key. It takes a few milliseconds, and at most rateWait when Redis is slow.
func (r *Rates) Take(ctx context.Context, who Principal) Allowance {
	key := rateKey{who.Key, r.rate}
	if who.RatePerS > 0 {
		key.rate = who.RatePerS
	}
	if r.shared != nil {
		if a, err := r.shared.take(ctx, key); err == nil {
			return a
		}
	}
	return r.takeHere(key)
}

// takeHere counts in this process.
func (r *Rates) takeHere(key rateKey) Allowance {
	limiter, now := r.limiter(key), time.Now()
	ok := limiter.AllowN(now, 1)
	tokens := max(0, limiter.TokensAt(now))
	a := Allowance{OK: ok, PerSecond: key.rate, Burst: key.rate * 2, Left: int(tokens)}
	a.Full = a.takes(float64(a.Burst) - tokens)
	if !ok {
		a.Left, a.Retry = 0, a.takes(1-tokens)
	}
	return a
}

// takes is how long it takes until n more requests may come.
func (a *Allowance) takes(n float64) time.Duration {
	return time.Duration(math.Ceil(n / float64(a.PerSecond) * float64(time.Second)))
}

func (r *Rates) limiter(key rateKey) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	limiter := r.keys[key]
	if limiter == nil {
		if len(r.keys) >= ratesMost {
			clear(r.keys)
		}
		limiter = rate.NewLimiter(rate.Limit(key.rate), key.rate*2)
		r.keys[key] = limiter
	}
	return limiter
}
