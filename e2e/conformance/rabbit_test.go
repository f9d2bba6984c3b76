package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
		URL: url, Name: "test", Registerer: prometheus.NewRegistry(),
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
			t.Errorf("received %d of %d: %v", len(seen), total, err)
			return seen
		}
		if d.Feed != journalFeed || d.From != int64(binary.BigEndian.Uint64(d.Frames)) || d.UptoMS != 7 || d.Clicks != 1 {
			t.Errorf("message %+v came changed", d.Message)
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

// leakless fails when a goroutine of ours is left; the one that waits for a restarted broker's process is the stack's.
func leakless(t *testing.T, before goleak.Option) {
	t.Helper()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

// empty waits until the broker has applied the last acknowledgements and holds nothing.
func empty(t *testing.T, b *rabbit.Broker) {
	t.Helper()
	eventually(t, 5*time.Second, "the broker's queues are empty", func() bool {
		depth, err := b.Depth(t.Context())
		return err == nil && depth == (rabbit.Depth{})
	})
}

// TestRabbit runs package rabbit on one private broker, its queues emptied before each test.
func TestRabbit(t *testing.T) {
	mq := stack.Private(t, stack.RabbitMQ)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, mq *stack.Broker)
	}{
		{"AuditsTheTopology/D18", auditsTheTopology},
		{"IsAQueue", isAQueue},
		{"CarriesEveryMessageOnce", carriesOnce},
		{"HandsBack", handsBack},
		{"PrefetchIsTheWindow", prefetchIsTheWindow},
		{"Drains", drains},
		{"ForeignMessages", foreignMessages},
		{"NoDeadQueue/D18", noDeadQueue},
		{"FrozenBroker", frozen},
		{"AlarmWhilePublishing/D15", inAlarm},
		{"QueueDeletedWhilePublishing/D14", queueDeleted},
		{"KilledWhilePublishing/D3", killed},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch := raw(t, mq.URL())
			for _, name := range []string{rabbit.ClicksQueue, rabbit.DeadQueue} {
				if _, err := ch.QueuePurge(name, false); err != nil {
					ch = raw(t, mq.URL()) // there is none yet
				}
			}
			c.run(t, mq)
		})
	}
}

func carriesOnce(t *testing.T, mq *stack.Broker) {
	leaks := goleak.IgnoreCurrent()
	// The first host of the list is always down.
	b := broker(t, strings.Replace(mq.URL(), "@", "@127.0.0.1:1,", 1))
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
	leakless(t, leaks)
}

// publishing runs Publish until the journal is closed and empty, or the test ends.
func publishing(t *testing.T, b *rabbit.Broker, j *journal) (wait func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- b.Publish(ctx, j) }()
	t.Cleanup(cancel)
	return func() error {
		select {
		case err := <-result:
			return err
		case <-time.After(60 * time.Second):
			done, extra := j.counts()
			return fmt.Errorf("still publishing: %d of %d done, %d sent again", done, j.total, extra)
		}
	}
}

// D3 in small: the broker dies by -9 again and again while it is published to and consumed from.
func killed(t *testing.T, mq *stack.Broker) {
	leaks := goleak.IgnoreCurrent()
	b := broker(t, mq.URL())
	const total, kills = 12000, 3
	j := newJournal(total)
	wait := publishing(t, b, j)
	c := b.Consume(200)
	received := make(chan map[int]int, 1)
	go func() { received <- collect(t, c, total, 120*time.Second) }()
	for kill := range kills {
		eventually(t, 30*time.Second, "more messages are confirmed", func() bool {
			done, _ := j.counts()
			return done > (kill+1)*total/(kills+2)
		})
		if err := mq.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	seen := <-received
	twice := 0
	for _, times := range seen {
		twice += times - 1
	}
	done, again := j.counts()
	t.Logf("%d kills: confirmed %d, sent again %d, received %d, of them again %d, lost %d", kills, done, again, len(seen)+twice, twice, total-len(seen))
	if again == 0 {
		t.Error("nothing was sent again: the kills struck nothing")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	leakless(t, leaks)
}

// A broker that stands still holds nobody up for long.
func frozen(t *testing.T, mq *stack.Broker) {
	leaks := goleak.IgnoreCurrent()
	b := broker(t, mq.URL())
	if err := b.Publish(t.Context(), newJournal(10)); err != nil {
		t.Fatal(err)
	}
	c := b.Consume(4)
	d, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	j := newJournal(1 << 30)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- b.Publish(ctx, j) }()
	eventually(t, 10*time.Second, "it publishes", func() bool { done, _ := j.counts(); return done > 100 })
	if err := mq.Pause(); err != nil {
		t.Fatal(err)
	}
	late := b.Consume(4) // never gets an answer
	d.Done(nil)
	start := time.Now()
	cancel()
	<-result
	published := time.Since(start)
	start = time.Now()
	_, _ = c.Close(), late.Close()
	t.Logf("while the broker stood still Publish ended in %v, two consumers closed in %v", published, time.Since(start))
	if published > 5*time.Second || time.Since(start) > 10*time.Second {
		t.Error("want 5 s at most for each")
	}
	if err := mq.Cont(); err != nil {
		t.Fatal(err)
	}
	leakless(t, leaks)
}

// D15 in small: an alarm stops publishing. Nothing is lost, nothing hangs, consumers go on.
func inAlarm(t *testing.T, mq *stack.Broker) {
	leaks := goleak.IgnoreCurrent()
	b := broker(t, mq.URL())
	if err := b.Publish(t.Context(), newJournal(10)); err != nil {
		t.Fatal(err)
	}
	ctl(t, mq, "set_vm_memory_high_watermark", "0")
	j := newJournal(100)
	j.next, j.total = 10, 110
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- b.Publish(ctx, j) }()
	t.Cleanup(cancel)
	c := b.Consume(10)
	for range 10 {
		d, err := c.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d.Done(nil)
	}
	eventually(t, 10*time.Second, "one message waits for the alarm's end", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.out > 0 && len(j.done) == 0
	})
	start := time.Now()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Publish ended with %v", err)
	}
	took := time.Since(start)
	if took > 5*time.Second {
		t.Errorf("closing took %v in the alarm, want at most 5 s", took)
	}
	wait := publishing(t, b, j)
	ctl(t, mq, "set_vm_memory_high_watermark", "0.6")
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	for seen := map[int64]bool{}; len(seen) < 100; {
		d, err := c.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen[d.From] = true
		d.Done(nil)
	}
	_, again := j.counts()
	t.Logf("closed in %v during the alarm; after it all 100 confirmed, %d sent again", took, again)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	leakless(t, leaks)
}

// D14 in small: the queue is deleted again and again while it is published to. What is confirmed after the last
// deletion must be in the queue that was made after it.
func queueDeleted(t *testing.T, mq *stack.Broker) {
	b := broker(t, mq.URL())
	if err := b.Audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	const total, deletions = 8000, 5
	j := newJournal(total)
	wait := publishing(t, b, j)
	ch := raw(t, mq.URL())
	var last time.Time
	for deletion := range deletions {
		eventually(t, 30*time.Second, "more messages are confirmed", func() bool {
			done, _ := j.counts()
			return done > (deletion+1)*total/(deletions+2)
		})
		if _, err := ch.QueueDelete(rabbit.ClicksQueue, false, false, false); err != nil {
			t.Fatal(err)
		}
		last = time.Now()
	}
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	want := map[int]bool{}
	for number, at := range j.done {
		if at.After(last) {
			want[number] = true
		}
	}
	c := b.Consume(200)
	t.Cleanup(func() { _ = c.Close() })
	seen, ctx := map[int]bool{}, t.Context()
	for {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		d, err := c.Receive(ctx)
		cancel()
		if err != nil {
			break
		}
		seen[int(d.From)] = true
		d.Done(nil)
	}
	missing := 0
	for number := range want {
		if !seen[number] {
			missing++
		}
	}
	_, again := j.counts()
	t.Logf("%d deletions: sent again %d; confirmed after the last %d, of them not in the queue %d", deletions, again, len(want), missing)
	if missing > 0 || len(want) == 0 {
		t.Errorf("%d of %d messages were marked delivered and are not there", missing, len(want))
	}
	if again == 0 {
		t.Error("nothing was sent again: the deletions struck nothing")
	}
}

// What is handed back comes again, with its attempts counted, and what was done does not.
func handsBack(t *testing.T, mq *stack.Broker) {
	b := broker(t, mq.URL())
	if err := b.Publish(t.Context(), newJournal(6)); err != nil {
		t.Fatal(err)
	}
	c := b.Consume(6)
	t.Cleanup(func() { _ = c.Close() })
	var stale *queue.Delivery
	for attempt := 1; attempt <= 4; attempt++ {
		var held []*queue.Delivery
		for len(held) < 6-(attempt-1) {
			d, err := c.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d.Attempt != attempt {
				t.Errorf("message %d has attempt %d, want %d", d.From, d.Attempt, attempt)
			}
			held = append(held, d)
		}
		if stale != nil {
			stale.Done(nil) // void: its generation is over
		}
		stale = held[1]
		held[len(held)-1].Done(nil) // one, above the others
		held[0].Done(errors.New("database is down"))
	}
}

// A worker that dies leaves its messages to the others, counted.
func prefetchIsTheWindow(t *testing.T, mq *stack.Broker) {
	b := broker(t, mq.URL())
	if err := b.Publish(t.Context(), newJournal(20)); err != nil {
		t.Fatal(err)
	}
	c := b.Consume(5)
	t.Cleanup(func() { _ = c.Close() })
	var held []*queue.Delivery
	for range 5 {
		d, err := c.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if d, err := c.Receive(ctx); err == nil {
		t.Fatalf("message %d came above the window", d.From)
	}
	held[2].Done(nil)
	d, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.From != 5 {
		t.Errorf("message %d came after one was done, want 5", d.From)
	}
	for range 3 { // closed: the other consumer gets what this one holds
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	other := b.Consume(100)
	t.Cleanup(func() { _ = other.Close() })
	redelivered := 0
	for range 19 {
		d, err := other.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d.Attempt > 1 {
			redelivered++
		}
		d.Done(nil)
	}
	if redelivered != 5 {
		t.Errorf("%d messages came as redelivered, want the 5 that were held", redelivered)
	}
}

// A consumer that is drained before it is closed finishes what it has, and nothing of that comes again.
func drains(t *testing.T, mq *stack.Broker) {
	b := broker(t, mq.URL())
	const total, first = 400, 50
	if err := b.Publish(t.Context(), newJournal(total)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen, again := map[int64]bool{}, 0
	take := func(c *rabbit.Consumer) error {
		d, err := c.Receive(ctx)
		if err != nil {
			return err
		}
		if seen[d.From] {
			t.Errorf("message %d came again, attempt %d", d.From, d.Attempt)
		}
		if seen[d.From] = true; d.Attempt > 1 {
			again++
		}
		d.Done(nil)
		return nil
	}
	c := b.Consume(20)
	for range first {
		if err := take(c); err != nil {
			t.Fatal(err)
		}
	}
	c.Drain()
	for err := error(nil); !errors.Is(err, queue.ErrClosed); {
		if err = take(c); err != nil && !errors.Is(err, queue.ErrClosed) {
			t.Fatal(err)
		}
	}
	drained := len(seen)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if drained > first+40 {
		t.Errorf("%d messages came after Drain", drained-first)
	}
	other := b.Consume(100)
	t.Cleanup(func() { _ = other.Close() })
	for len(seen) < total {
		if err := take(other); err != nil {
			t.Fatalf("after %d messages: %v", len(seen), err)
		}
	}
	t.Logf("drained after %d messages; of the others %d came as tried before", drained, again)
	if again > 5 {
		t.Errorf("%d messages were handed back", again)
	}
}

// A newer format goes to the dead queue and comes back by TakeBack once a program can read it; what nobody can read
// reaches ingest.
func foreignMessages(t *testing.T, mq *stack.Broker) {
	b := broker(t, mq.URL())
	if err := b.Audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	ch := raw(t, mq.URL())
	send := func(to, kind, body string) {
		t.Helper()
		p := amqp.Publishing{Type: kind, Body: []byte(body), DeliveryMode: amqp.Persistent, Headers: amqp.Table{"x-death": "old", "kept": "yes"}}
		if err := ch.PublishWithContext(t.Context(), "", to, true, false, p); err != nil {
			t.Fatal(err)
		}
	}
	send(rabbit.ClicksQueue, "clicks.2", "newer")
	send(rabbit.ClicksQueue, "", "stranger")
	c := b.Consume(10)
	t.Cleanup(func() { _ = c.Close() })
	d, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if string(d.Frames) != "stranger" || d.Feed != (queue.FeedID{}) || d.Attempt != 1 {
		t.Errorf("the stranger came as %+v", d)
	}
	d.Done(nil)
	eventually(t, 10*time.Second, "the newer message is in the dead queue", func() bool {
		depth, err := b.Depth(t.Context())
		return err == nil && depth == rabbit.Depth{Dead: 1}
	})
	send(rabbit.DeadQueue, "clicks.1", "readable now")
	moved, err := b.TakeBack(t.Context())
	if err != nil || moved != 1 {
		t.Errorf("took back %d, %v; want the one that can be read", moved, err)
	}
	if d, err = c.Receive(t.Context()); err != nil || string(d.Frames) != "readable now" {
		t.Fatalf("what was taken back came as %+v, %v", d, err)
	}
	d.Done(nil)
	eventually(t, 10*time.Second, "the newer message is still in the dead queue", func() bool {
		depth, err := b.Depth(t.Context())
		return err == nil && depth == rabbit.Depth{Dead: 1}
	})
}

// D18 in small: what is dead-lettered while there is no dead queue waits for it. That is the difference between
// at-least-once and the broker's default, and it needs a server that really does it, not only takes the argument.
func noDeadQueue(t *testing.T, mq *stack.Broker) {
	ctl(t, mq, "eval", "application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, 500).")
	b := broker(t, mq.URL())
	ch := raw(t, mq.URL())
	if _, err := ch.QueueDelete(rabbit.ClicksQueue, false, false, false); err != nil {
		t.Fatal(err)
	}
	if err := b.Audit(t.Context()); err != nil { // makes it anew, under that setting
		t.Fatal(err)
	}
	c := b.Consume(1)
	t.Cleanup(func() { _ = c.Close() })
	eventually(t, 10*time.Second, "the consumer has declared what it needs and waits", func() bool {
		q, err := ch.QueueDeclarePassive(rabbit.ClicksQueue, true, false, false, false, nil)
		return err == nil && q.Consumers == 1
	})
	if _, err := ch.QueueDelete(rabbit.DeadQueue, false, false, false); err != nil {
		t.Fatal(err)
	}
	const total = 5
	for range total {
		if err := ch.PublishWithContext(t.Context(), "", rabbit.ClicksQueue, true, false, amqp.Publishing{Type: "clicks.2", DeliveryMode: amqp.Persistent}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 10*time.Second, "all are rejected", func() bool {
		q, err := ch.QueueDeclarePassive(rabbit.ClicksQueue, true, false, false, false, nil)
		return err == nil && q.Messages == 0
	})
	if err := b.Audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "all are in the new dead queue", func() bool {
		depth, err := b.Depth(t.Context())
		return err == nil && depth == (rabbit.Depth{Dead: total})
	})
}

// D18: a queue that would lose clicks is found at the start, and the error says why.
func auditsTheTopology(t *testing.T, mq *stack.Broker) {
	b := broker(t, mq.URL())
	good := amqp.Table{"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-dead-letter-exchange": rabbit.DeadExchange,
		"x-dead-letter-strategy": "at-least-once"}
	with := func(name string, value any) amqp.Table {
		args := maps.Clone(good)
		if args[name] = value; value == nil {
			delete(args, name)
		}
		return args
	}
	for _, c := range []struct {
		name    string
		durable bool
		args    amqp.Table
		says    string
	}{
		{"classic, not durable", false, nil, "durable"},
		{"classic", true, nil, "inequivalent arg"},
		{"drops the head", true, with("x-overflow", "drop-head"), "x-overflow"},
		{"no overflow", true, with("x-overflow", nil), "x-overflow"},
		{"at most once", true, with("x-dead-letter-strategy", "at-most-once"), "x-dead-letter-strategy"},
		{"no dead letters", true, with("x-dead-letter-exchange", nil), "x-dead-letter-exchange"},
		{"a limit of length", true, with("x-max-length", int32(10)), "x-max-length"},
		{"a time to live", true, with("x-message-ttl", int32(10)), "x-message-ttl"},
		{"a delivery limit", true, with("x-delivery-limit", int32(5)), "x-delivery-limit"},
	} {
		ch := raw(t, mq.URL())
		if _, err := ch.QueueDelete(rabbit.ClicksQueue, false, false, false); err != nil {
			t.Fatal(err)
		}
		if _, err := ch.QueueDeclare(rabbit.ClicksQueue, c.durable, false, false, false, c.args); err != nil {
			t.Errorf("%s: not declared: %v", c.name, err)
			continue
		}
		err := b.Audit(t.Context())
		if !errors.Is(err, rabbit.ErrTopology) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), rabbit.ClicksQueue) {
			t.Errorf("%s: %v; want it to name %s", c.name, err, c.says)
		}
	}
	if _, err := raw(t, mq.URL()).QueueDelete(rabbit.ClicksQueue, false, false, false); err != nil {
		t.Fatal(err)
	}
	if err := b.Audit(t.Context()); err != nil {
		t.Errorf("after all were deleted: %v", err)
	}
}
