package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

const (
	redisWait  = 150 * time.Millisecond // the longest wait for one exchange
	targetLife = 24 * time.Hour         // of a value; the feed begins this far back, so nothing older is ever believed
	setsKey    = "longtail:sets"
)

// setIfNewer stores ARGV[1] for ARGV[2] ms unless the key holds a newer version. Whatever else the key holds is
// replaced. The version is compared byte by byte: Lua's numbers would round it.
var setIfNewer = redis.NewScript(`
local old = redis.pcall('GET', KEYS[1])
if type(old) == 'string' and #old >= 13 then
  for i = 2, 9 do
    local a, b = string.byte(old, i), string.byte(ARGV[1], i)
    if a > b then return 0 end
    if a < b then break end
  end
end
if type(old) == 'table' then redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

// shared is the second tier: what all redirectors know, in Redis. It never says that a code does not exist.
type shared struct {
	client  redis.UniversalClient
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
}

func newShared(client redis.UniversalClient) *shared {
	return &shared{client: client, breaker: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         "redis",
		Timeout:      time.Second,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
		IsSuccessful: redisAnswered,
	})}
}

// redisAnswered tells an answer that we do not like from a server that is not there.
func redisAnswered(err error) bool {
	var answer redis.Error
	if err == nil || errors.Is(err, redis.Nil) {
		return true
	}
	if !errors.As(err, &answer) {
		return false
	}
	for _, prefix := range [...]string{"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "NOAUTH", "MISCONF", "OOM"} {
		if strings.HasPrefix(answer.Error(), prefix) {
			return false
		}
	}
	return true
}

// do runs one exchange with Redis within its time and under its breaker.
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

// get returns the target that Redis holds, or nil. What cannot be read is removed: the next load writes it anew.
func (s *shared) get(ctx context.Context, k key) (*Target, error) {
	name := targetKey(k)
	value, err := s.read(ctx, name)
	if value == nil {
		return nil, err
	}
	t, err := decodeTarget(k, value)
	if err != nil {
		return nil, errors.Join(err, s.remove(ctx, name))
	}
	return t, nil
}

func (s *shared) read(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.do(ctx, func(ctx context.Context) (err error) {
		value, err = s.client.Get(ctx, name).Bytes()
		return err
	})
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil && redisAnswered(err): // a list where a string should be
		return nil, errors.Join(err, s.remove(ctx, name))
	case err != nil:
		return nil, err
	}
	return value, nil
}

func (s *shared) remove(ctx context.Context, name string) error {
	return s.do(ctx, func(ctx context.Context) error { return s.client.Unlink(ctx, name).Err() })
}

// store writes targets that Redis does not have in a newer version, in one pipeline.
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
	return s.do(ctx, func(ctx context.Context) error {
		err := s.pipeline(ctx, values)
		if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") { // Redis was started anew
			if err = setIfNewer.Load(ctx, s.client).Err(); err == nil {
				err = s.pipeline(ctx, values)
			}
		}
		return err
	})
}

func (s *shared) pipeline(ctx context.Context, values map[string][]byte) error {
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for name, value := range values {
			// Spread over a quarter of the life: what was stored in one burst does not expire in one.
			life := targetLife - rand.N(targetLife/4)
			setIfNewer.EvalSha(ctx, p, []string{name}, value, life.Milliseconds())
		}
		return nil
	})
	return err
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
