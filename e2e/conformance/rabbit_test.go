package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"longtail/e2e/stack"
	"longtail/shared/queue"
	"longtail/shared/queue/rabbit"
)

// A journal is a source like the spool: a window of four messages in flight, numbered from 0, and what is handed back
// is delivered again.
type journal struct {
	total int
	wake  chan struct{}
	mu    sync.Mutex
	next  int
	again []*entry
	out   int
	done  map[int]time.Time // when Done(nil) was called
	extra int               // deliveries beyond the first
	end   bool              // ErrClosed once everything is done
}

type entry struct{ number, attempt int }

func newJournal(total int) *journal {
	return &journal{total: total, wake: make(chan struct{}, 64), done: map[int]time.Time{}, end: true}
}

var journalFeed = queue.FeedID{1, 2, 3}

func (j *journal) Receive(ctx context.Context) (*queue.Delivery, error) {
	for {
		if e, closed := j.take(); e != nil {
			body := binary.BigEndian.AppendUint64(nil, uint64(e.number))
			m := queue.Message{Feed: journalFeed, From: int64(e.number), To: int64(e.number + 1), UptoMS: 7, Frames: body, Clicks: 1}
			return queue.NewDelivery(m, e.attempt, func(err error) { j.release(e, err) }), nil
		} else if closed {
			return nil, queue.ErrClosed
		}
		select {
		case <-j.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (j *journal) take() (e *entry, closed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.out == 4:
		return nil, false
	case len(j.again) > 0:
		e, j.again = j.again[0], j.again[1:]
		e.attempt++
		j.extra++
	case j.next < j.total:
		e = &entry{number: j.next, attempt: 1}
		j.next++
	default:
		return nil, j.end && j.out == 0
	}
	j.out++
	return e, false
}

func (j *journal) release(e *entry, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.out--
	if err != nil {
		j.again = append(j.again, e)
	} else {
		j.done[e.number] = time.Now()
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

func (j *journal) counts() (done, extra int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.done), j.extra
}

func broker(t *testing.T, url string) *rabbit.Broker {
	t.Helper()
	level := slog.LevelError
	if os.Getenv("LONGTAIL_TEST_LOG") != "" {
		level = slog.LevelDebug
	}
	b, err := rabbit.New(rabbit.Options{
		URL: url, Name: t.Name(), Registerer: prometheus.NewRegistry(),
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// eventually waits until true is returned, for at most limit.
func eventually(t *testing.T, limit time.Duration, what string, true func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !true() {
		select {
		case <-deadline.C:
			t.Fatalf("not within %v: %s", limit, what)
		case <-tick.C:
		}
	}
}

// collect receives until every number below total has come and is done, and returns how often each came.
func collect(t *testing.T, c *rabbit.Consumer, total int, limit time.Duration) map[int]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	seen := map[int]int{}
	for len(seen) < total {
		d, err := c.Receive(ctx)
		if err != nil {
			t.Fatalf("received %d of %d: %v", len(seen), total, err)
		}
		if d.Feed != journalFeed || d.From != int64(binary.BigEndian.Uint64(d.Frames)) || d.UptoMS != 7 || d.Clicks != 1 {
			t.Fatalf("message %+v came changed", d.Message)
		}
		seen[int(d.From)]++
		d.Done(nil)
	}
	return seen
}

// ctl runs rabbitmqctl in the broker's own environment.
func ctl(t *testing.T, mq *stack.Broker, args ...string) string {
	t.Helper()
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", mq.PID()))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/lib/rabbitmq/bin/rabbitmqctl", append([]string{"--quiet"}, args...)...)
	cmd.Env = strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("rabbitmqctl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// raw opens a connection of the test's own.
func raw(t *testing.T, url string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// empty waits until the broker has applied the last acknowledgements and holds nothing.
func empty(t *testing.T, b *rabbit.Broker) {
	t.Helper()
	eventually(t, 5*time.Second, "the broker's queues are empty", func() bool {
		depth, err := b.Depth(t.Context())
		t.Log(depth, err)
		return err == nil && depth == (rabbit.Depth{})
	})
}

func TestRabbitCarriesEveryMessageOnce(t *testing.T) {
	mq := stack.Private(t, stack.RabbitMQ)
	leaks := goleak.IgnoreCurrent()
	b := broker(t, mq.URL())
	if err := b.Audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	const total = 2000
	j := newJournal(total)
	start := time.Now()
	if err := b.Publish(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	published := time.Since(start)
	c := b.Consume(100)
	start = time.Now()
	for number, times := range collect(t, c, total, 30*time.Second) {
		if times != 1 {
			t.Errorf("message %d came %d times", number, times)
		}
	}
	t.Logf("%d messages published in %v, consumed in %v", total, published, time.Since(start))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	empty(t, b)
	if _, err := c.Receive(t.Context()); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Receive after Close: %v", err)
	}
	goleak.VerifyNone(t, leaks)
}
