package resolve

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"

	"github.com/redis/go-redis/v9"
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

// redisValues keeps values in Redis. Every command has one key, so that a cluster can take it.
type redisValues struct{ client redis.UniversalClient }

// answered tells an answer that we do not like from a server that is not there.
func answered(err error) bool {
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

func (v redisValues) read(ctx context.Context, name string) ([]byte, error) {
	value, err := v.client.Get(ctx, name).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case redis.HasErrorPrefix(err, "WRONGTYPE"): // a list where a value should be
		return []byte{}, nil
	}
	return value, err
}

func (v redisValues) remove(ctx context.Context, name string) error {
	return v.client.Unlink(ctx, name).Err()
}

func (v redisValues) write(ctx context.Context, values map[string][]byte) error {
	err := v.pipeline(ctx, values)
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // Redis was started anew
		if err = setIfNewer.Load(ctx, v.client).Err(); err == nil {
			err = v.pipeline(ctx, values)
		}
	}
	return err
}

func (v redisValues) pipeline(ctx context.Context, values map[string][]byte) error {
	_, err := v.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for name, value := range values {
			// Spread over a quarter of the life: what was stored in one burst does not expire in one.
			life := targetLife - rand.N(targetLife/4)
			setIfNewer.EvalSha(ctx, p, []string{name}, value, life.Milliseconds())
		}
		return nil
	})
	return err
}

func (v redisValues) publish(ctx context.Context, message string) error {
	return v.client.Publish(ctx, busChannel, message).Err()
}

// subscribe returns the bus's messages until the returned function is called.
func (v redisValues) subscribe(ctx context.Context) (<-chan *redis.Message, func()) {
	sub := v.client.Subscribe(ctx, busChannel)
	return sub.Channel(redis.WithChannelSize(1000)), func() { _ = sub.Close() }
}
