package pool

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// spend takes from the budget with several consumers for d and returns the rows of each second.
func spend(t *testing.T, b *Budget, consumers, want int, d time.Duration) []int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	rows := make([]int, int(d.Seconds())+1)
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	for range consumers {
		all.Go(func() {
			for {
				n, err := b.Grant(ctx, want)
				if err != nil {
					return
				}
				mu.Lock()
				rows[int(time.Since(start).Seconds())] += n
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return rows
}

func TestAnyTenSecondsHoldTheRate(t *testing.T) {
	for _, rate := range []float64{1, 8.0 / 3, 8, 167, 2000} {
		synctest.Test(t, func(t *testing.T) {
			rows := spend(t, NewBudget(rate), 3, 500, 60*time.Second)
			for from := 0; from+10 <= 60; from++ {
				sum := 0
				for _, n := range rows[from : from+10] {
					sum += n
				}
				if most, least := rate*10*1.1+1, rate*10*0.9-1; float64(sum) > most || float64(sum) < least {
					t.Errorf("rate %v: %d rows in the ten seconds from %d", rate, sum, from)
				}
			}
		})
	}
}

func TestAFrozenWorkerSavesNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100)
		time.Sleep(time.Hour)
		if n, _ := b.Grant(t.Context(), 10_000); n > 50 {
			t.Errorf("granted %d rows after an hour at 100 a second", n)
		}
	})
}

func TestANewRateReachesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(0.001)
		b.Grant(t.Context(), 1)
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			b.SetRate(0)
		}()
		if n, err := b.Grant(t.Context(), 700); n != 700 || err != nil || time.Since(start) > 2*time.Second {
			t.Errorf("granted %d, %v after %s", n, err, time.Since(start))
		}
	})
}
