package resolve

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

const (
	redisWait  = 150 * time.Millisecond // the longest wait for one exchange
	targetLife = 24 * time.Hour         // of a value; the feed begins this far back, so nothing older is ever believed
	setsKey    = "longtail:sets"
)

// values are what redirectors share, and the bus between them.
type values interface {
	// read returns a value, nil when there is none, and any other bytes when something else stands there.
	read(ctx context.Context, name string) ([]byte, error)
	remove(ctx context.Context, name string) error
	// write stores values, each unless a newer version of it is there. It may have stored some when it fails.
	write(ctx context.Context, values map[string][]byte) error
	publish(ctx context.Context, message string) error
	subscribe(ctx context.Context) (messages <-chan *redis.Message, stop func())
}

// shared is the second tier: what all redirectors know. It never says that a code does not exist.
type shared struct {
	values  values
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
}

func newShared(v values) *shared {
	return &shared{values: v, breaker: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         "redis",
		Timeout:      time.Second,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
		IsSuccessful: answered,
	})}
}

// do runs one exchange within its time and under the breaker.
func (s *shared) do(ctx context.Context, exchange func(context.Context) error) error {
	done, err := s.breaker.Allow()
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, redisWait)
	defer cancel()
	err = exchange(ctx)
	done(err)
	return err
}

func targetKey(k key) string {
	return "longtail:link:" + strconv.FormatUint(uint64(k.domain), 10) + ":" + k.code
}

// get returns the target that is kept, or nil. What cannot be read is removed: the next load writes it anew.
func (s *shared) get(ctx context.Context, k key) (*Target, error) {
	name := targetKey(k)
	value, err := s.read(ctx, name)
	if value == nil {
		return nil, err
	}
	t, err := decodeTarget(k, value)
	if err != nil {
		_ = s.do(ctx, func(ctx context.Context) error { return s.values.remove(ctx, name) })
		return nil, err
	}
	return t, nil
}

func (s *shared) read(ctx context.Context, name string) (value []byte, err error) {
	err = s.do(ctx, func(ctx context.Context) (err error) {
		value, err = s.values.read(ctx, name)
		return err
	})
	return value, err
}

// store writes targets, those that are not there in a newer version.
func (s *shared) store(ctx context.Context, targets []*Target) error {
	if len(targets) == 0 {
		return nil
	}
	values := make(map[string][]byte, len(targets))
	for _, t := range targets {
		values[targetKey(t.key())] = encodeTarget(t)
	}
	return s.write(ctx, values)
}

func (s *shared) write(ctx context.Context, values map[string][]byte) error {
	return s.do(ctx, func(ctx context.Context) error { return s.values.write(ctx, values) })
}

func (s *shared) publish(ctx context.Context, message string) error {
	return s.do(ctx, func(ctx context.Context) error { return s.values.publish(ctx, message) })
}

// sets returns the small sets as the last redirector that reached the database left them, or nil.
func (s *shared) sets(ctx context.Context) (*sets, error) {
	value, err := s.read(ctx, setsKey)
	if value == nil {
		return nil, err
	}
	_, body, err := openValue(formatSets, value)
	if err != nil {
		return nil, err
	}
	kept := &sets{}
	if err := json.Unmarshal(body, kept); err != nil {
		return nil, fmt.Errorf("%w: %w", errValue, err)
	}
	return kept.index(), nil
}

func (s *shared) storeSets(ctx context.Context, kept *sets) error {
	body, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("encode the small sets: %w", err)
	}
	return s.write(ctx, map[string][]byte{setsKey: endValue(append(beginValue(formatSets, kept.Seq), body...))})
}
