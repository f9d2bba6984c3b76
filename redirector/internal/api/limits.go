package api

import (
	"math"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"longtail/redirector/internal/account"
)

// limitsMost bounds the keys whose rates are kept; beyond it all begin again.
const limitsMost = 10_000

// limits holds every key to its rate: so many requests a second, twice as many in a burst, in this process.
type limits struct {
	rate int

	mu   sync.Mutex
	keys map[limitKey]*rate.Limiter
}

// limitKey carries the rate, so that a changed one is a new limiter.
type limitKey struct {
	key  account.KeyID
	rate int
}

func newLimits(perSecond int) *limits {
	return &limits{rate: perSecond, keys: make(map[limitKey]*rate.Limiter)}
}

// take reports whether the key may ask once more now, and tells the caller in headers what is left.
func (l *limits) take(e *exchange, who account.Principal) bool {
	perSecond := l.rate
	if who.RatePerS > 0 {
		perSecond = who.RatePerS
	}
	limiter, now := l.of(limitKey{who.Key, perSecond}), time.Now()
	ok := limiter.AllowN(now, 1)
	left := max(0, limiter.TokensAt(now))
	until := func(tokens float64) string { return strconv.Itoa(int(math.Ceil(max(0, tokens) / float64(perSecond)))) }
	e.gin.Header("RateLimit-Limit", strconv.Itoa(perSecond*2))
	e.gin.Header("RateLimit-Remaining", strconv.Itoa(int(left)))
	e.gin.Header("RateLimit-Reset", until(float64(perSecond*2)-left))
	e.gin.Header("RateLimit-Policy", strconv.Itoa(perSecond)+";w=1;burst="+strconv.Itoa(perSecond*2))
	if !ok {
		e.gin.Header("Retry-After", until(1-left))
	}
	return ok
}

func (l *limits) of(key limitKey) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.keys[key]
	if limiter == nil {
		if len(l.keys) >= limitsMost {
			clear(l.keys)
		}
		limiter = rate.NewLimiter(rate.Limit(key.rate), key.rate*2)
		l.keys[key] = limiter
	}
	return limiter
}
