package resolve

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// fakeRedis keeps values in a map, answers late, fails and forgets, in the time of a synctest bubble.
type fakeRedis struct {
	mu     sync.Mutex
	rng    *rand.Rand
	kept   map[string][]byte
	buses  []chan *redis.Message
	failed bool // answers nothing
	stuck  bool // refuses writes, as one that is full or was made a replica
	mute   bool // takes messages and delivers none
}

func (f *fakeRedis) random(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.IntN(n)
}

// wait is the time on the wire. A Redis that hangs lets everybody run into their deadline.
func (f *fakeRedis) wait(ctx context.Context) error {
	f.mu.Lock()
	failed := f.failed
	f.mu.Unlock()
	if failed {
		<-ctx.Done()
		return ctx.Err()
	}
	select {
	case <-time.After(time.Duration(f.random(40)) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeRedis) read(ctx context.Context, name string) ([]byte, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	value := f.kept[name]
	f.mu.Unlock()
	return value, f.wait(ctx) // the answer is on its way while the value may change
}

func (f *fakeRedis) remove(ctx context.Context, name string) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.kept, name)
	return nil
}

func (f *fakeRedis) write(ctx context.Context, values map[string][]byte) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	if f.stuck {
		f.mu.Unlock()
		return errors.New("OOM command not allowed")
	}
	for name, value := range values {
		if old := f.kept[name]; len(old) < valueHeader || string(old[1:valueHeader]) <= string(value[1:valueHeader]) {
			f.kept[name] = value
		}
	}
	f.mu.Unlock()
	return f.wait(ctx)
}

func (f *fakeRedis) publish(ctx context.Context, message string) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, bus := range f.buses {
		if !f.mute && f.rng.IntN(10) > 0 { // one in ten is lost
			select {
			case bus <- &redis.Message{Payload: message}:
			default:
			}
		}
	}
	return nil
}

func (f *fakeRedis) subscribe(context.Context) (<-chan *redis.Message, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bus := make(chan *redis.Message, 100)
	f.buses = append(f.buses, bus)
	return bus, func() {}
}

// disturb lets Redis hang, fall silent, be flushed or come back.
func (f *fakeRedis) disturb() {
	what := f.random(7)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch what {
	case 0:
		f.failed = true
	case 1:
		f.mute = true
	case 2:
		clear(f.kept)
	case 3:
		f.stuck = true
	default:
		f.failed, f.mute, f.stuck = false, false, false
	}
}
