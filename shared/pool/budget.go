// Package pool is what the workers share: the insert rate that somebody chose for all of them together, each one's
// part of it, and the view of the whole pipeline.
//
// Place on the click's way: it lets ingest insert, and tells operators what waits where.
package pool

import (
	"context"
	"sync"
	"time"
)

const (
	// grain is the time's worth of rows that is granted at once: enough for few statements, little enough that any ten
	// seconds hold what they should.
	grain = 500 * time.Millisecond
	// hoard bounds what an idle or frozen worker may save up.
	hoard = grain
)

// A Budget is one worker's part of the pool's insert rate: a token bucket whose rate follows the pool. It is safe for
// use by several consumers at once; the rows they are granted together keep to the rate.
type Budget struct {
	now func() time.Time

	mu     sync.Mutex
	rate   float64 // rows a second; 0 = no limit
	tokens float64
	at     time.Time
	change chan struct{} // closed when the rate changes
}

// NewBudget returns a budget of rate rows a second; 0 = no limit.
func NewBudget(rate float64) *Budget {
	return &Budget{now: time.Now, rate: rate, at: time.Now(), change: make(chan struct{})}
}

// SetRate changes the rate at once, also for those who wait.
func (b *Budget) SetRate(rate float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rate == b.rate {
		return
	}
	b.fill()
	b.rate = rate
	b.tokens = min(b.tokens, b.most())
	close(b.change)
	b.change = make(chan struct{})
}

// Rate returns the present rate in rows a second; 0 = no limit.
func (b *Budget) Rate() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rate
}

// Grant waits until at least one row may be inserted and returns how many of want may be now: as many as half a second
// is worth, so that at a low rate a batch goes in small steps and the rate is kept literally.
func (b *Budget) Grant(ctx context.Context, want int) (int, error) {
	for {
		n, wait, changed := b.take(want)
		if n > 0 {
			return n, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return 0, ctx.Err()
		}
		timer.Stop()
	}
}

// take removes what may be taken now, or says how long to wait for it.
func (b *Budget) take(want int) (n int, wait time.Duration, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rate <= 0 {
		return want, 0, nil
	}
	b.fill()
	goal := min(float64(want), max(1, float64(int(b.rate*grain.Seconds()))))
	if b.tokens >= goal {
		n = min(want, int(b.tokens))
		b.tokens -= float64(n)
		return n, 0, nil
	}
	return 0, time.Duration((goal-b.tokens)/b.rate*float64(time.Second)) + time.Millisecond, b.change
}

func (b *Budget) fill() {
	now := b.now()
	b.tokens = min(b.most(), b.tokens+b.rate*now.Sub(b.at).Seconds())
	b.at = now
}

func (b *Budget) most() float64 { return max(1, b.rate*hoard.Seconds()) }
