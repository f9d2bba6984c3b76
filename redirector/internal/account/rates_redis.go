package account

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

// rateWait is the longest wait for Redis; then the process counts by itself.
const rateWait = 100 * time.Millisecond

// takeOne counts one request by the generic cell rate algorithm: KEYS[1] holds the time, in microseconds of Redis's own
// clock, at which a key that asked evenly would have asked last. ARGV: the microseconds that a request costs, how many
// may come at once, and the milliseconds in which the value is of no account any more.
//
// It returns whether the request may pass, how many may follow, and the microseconds until the burst is whole again and
// until the next request may come.
var takeOne = redis.NewScript(`
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local cost, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = tonumber(redis.call('GET', KEYS[1]) or now) or now
if due < now or due > now + cost * burst then due = math.max(now, math.min(due, now + cost * burst)) end
local after = due + cost
local early = after - cost * burst - now
if early > 0 then return {0, 0, due - now, early} end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', ARGV[3])
return {1, math.floor((cost * burst - (after - now)) / cost), after - now, 0}`)

// sharedRates counts for all redirectors.
type sharedRates struct {
	client  redis.UniversalClient
	breaker *gobreaker.CircuitBreaker[[]int64]
}

func newSharedRates(client redis.UniversalClient) *sharedRates {
	return &sharedRates{client, gobreaker.NewCircuitBreaker[[]int64](gobreaker.Settings{
		Name: "rates", Timeout: time.Second, ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) }, // the caller left
	})}
}

// take asks Redis. An error means that nothing was counted, or that nobody knows.
func (s *sharedRates) take(ctx context.Context, key rateKey) (Allowance, error) {
	a := Allowance{PerSecond: key.rate, Burst: key.rate * 2}
	cost := time.Second / time.Duration(key.rate)
	name := "longtail:rate:" + key.key.String() + ":" + strconv.Itoa(key.rate)
	told, err := s.breaker.Execute(func() ([]int64, error) {
		ctx, cancel := context.WithTimeout(ctx, rateWait)
		defer cancel()
		return takeOne.Run(ctx, s.client, []string{name}, cost.Microseconds(), a.Burst, (3 * time.Second).Milliseconds()).Int64Slice()
	})
	if err == nil && len(told) != 4 {
		err = fmt.Errorf("%d numbers, want 4", len(told))
	}
	if err != nil {
		return a, fmt.Errorf("count in redis: %w", err)
	}
	a.OK, a.Left = told[0] == 1, int(told[1])
	a.Full, a.Retry = time.Duration(told[2])*time.Microsecond, time.Duration(told[3])*time.Microsecond
	return a, nil
}
