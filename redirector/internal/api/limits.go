package api

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"longtail/redirector/internal/account"
)

// rateWindow is the time in which a key that asks evenly gets its burst back: twice the requests of a second.
const rateWindow = 2

// withinRate reports whether the key may ask once more now, and tells the caller in headers what is left: RateLimit and
// RateLimit-Policy are the IETF draft's of today, the three others what many clients still read.
func (s *server) withinRate(ctx context.Context, e *exchange, who account.Principal) bool {
	a := s.rates.Take(ctx, who)
	e.gin.Header("RateLimit-Policy", fmt.Sprintf(`"key";q=%d;w=%d`, a.Burst, rateWindow))
	e.gin.Header("RateLimit", fmt.Sprintf(`"key";r=%d;t=%s`, a.Left, seconds(a.Full)))
	e.gin.Header("RateLimit-Limit", strconv.Itoa(a.Burst))
	e.gin.Header("RateLimit-Remaining", strconv.Itoa(a.Left))
	e.gin.Header("RateLimit-Reset", seconds(a.Full))
	if !a.OK {
		e.gin.Header("Retry-After", seconds(max(a.Retry, 1)))
	}
	return a.OK
}

// seconds writes a duration in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
