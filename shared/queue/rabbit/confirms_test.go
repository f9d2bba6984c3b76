package rabbit

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"longtail/shared/queue"
)

// faultSeed and full read what a run of all faults is told, as package e2e/stage does.
func faultSeed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("FAULT_SEED"), 10, 64); err == nil {
		return n
	}
	return rand.Uint64() % 1_000_000
}

func full(whole, part int) int {
	if os.Getenv("FAULT_SCALE") == "full" {
		return whole
	}
	return part
}

// A ledger is a source of numbered messages, each delivered again until it is done, and the bitmap of what is.
type ledger struct {
	next, total int
	wake        chan struct{}

	mu        sync.Mutex
	waiting   []int // handed back
	out       int
	marks     []byte // how often each was marked as delivered
	delivered int
	attempts  int
	wrong     []int // marked as delivered when the broker did not have it
	kept      func(number int) bool
}

// ledgerWindow is above the publisher's own bound, so that it is that which holds.
const ledgerWindow = 2 * maxInFlight

func (l *ledger) Receive(ctx context.Context) (*queue.Delivery, error) {
	for {
		number, attempt, state := l.take()
		switch state {
		case ledgerGives:
			body := binary.BigEndian.AppendUint64(nil, uint64(number)) //nolint:gosec // from 0
			m := queue.Message{Feed: queue.FeedID{1}, From: int64(number), To: int64(number) + 1, Frames: body, Clicks: 1}
			return queue.NewDelivery(m, attempt, func(err error) { l.release(number, err) }), nil
		case ledgerEnds:
			return nil, queue.ErrClosed
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

const (
	ledgerWaits = iota
	ledgerGives
	ledgerEnds
)

func (l *ledger) take() (number, attempt, state int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.delivered == l.total:
		return 0, 0, ledgerEnds
	case l.out == ledgerWindow:
		return 0, 0, ledgerWaits
	case len(l.waiting) > 0:
		number, attempt, l.waiting = l.waiting[0], 2, l.waiting[1:]
	case l.next < l.total:
		number, attempt = l.next, 1
		l.next++
	default:
		return 0, 0, ledgerWaits
	}
	l.out++
	l.attempts++
	return number, attempt, ledgerGives
}

func (l *ledger) release(number int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out--
	if err != nil {
		l.waiting = append(l.waiting, number)
	} else {
		l.marks[number]++
		l.delivered++
		if !l.kept(number) {
			l.wrong = append(l.wrong, number)
		}
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// A moody broker answers late, out of order, many at once, by nacks and returns, and sometimes never.
type moody struct {
	seed   uint64
	conns  atomic.Uint64
	kept   []atomic.Bool // it has the message and said so
	counts [6]atomic.Int64
}

const (
	ackedAlone = iota
	ackedTogether
	nacked
	nackedTogether
	returnedFirst
	neverAnswered
)

// answer is the answerer of one connection.
func (m *moody) answer(c *fakeConn, in <-chan published) {
	r := rand.New(rand.NewPCG(m.seed, m.conns.Add(1))) //nolint:gosec // a test's schedule
	var open []published                               // in the order of their tags
	idle := time.NewTimer(0)
	defer idle.Stop()
	for {
		select {
		case p, more := <-in:
			if !more {
				return
			}
			open = append(open, p)
			if len(open) < maxInFlight && r.IntN(4) > 0 {
				idle.Reset(200 * time.Microsecond) // late: more may come first
				continue
			}
		case <-idle.C:
		}
		for n := r.IntN(len(open) + 1); n > 0 && len(open) > 0; n-- {
			open = m.one(c, r, open)
		}
		if len(open) > 0 {
			idle.Reset(100 * time.Microsecond)
		}
	}
}

// one gives one answer and returns what is still open.
func (m *moody) one(c *fakeConn, r *rand.Rand, open []published) []published {
	i := r.IntN(len(open))
	p := open[i]
	odds := full(4000, 500) // a few of each kind in any run
	switch fate := r.IntN(odds); {
	case fate == 0:
		m.counts[returnedFirst].Add(1)
		c.giveBack(&p)
	case fate == 1:
		m.counts[nacked].Add(1)
		c.nack(p.channel, p.tag, false)
	case fate == 2:
		m.counts[nackedTogether].Add(int64(i + 1))
		c.nack(p.channel, p.tag, true)
		return slices.Delete(open, 0, i+1)
	case fate == 3:
		m.counts[neverAnswered].Add(int64(len(open)))
		_ = c.conn.Close()
		return nil
	case fate < odds/3: // an ack of all up to this one
		for _, lower := range open[:i+1] {
			m.kept[lower.number].Store(true)
		}
		m.counts[ackedTogether].Add(int64(i + 1))
		c.ack(p.channel, p.tag, true)
		return slices.Delete(open, 0, i+1)
	default:
		m.kept[p.number].Store(true)
		m.counts[ackedAlone].Add(1)
		c.ack(p.channel, p.tag, false)
	}
	return slices.Delete(open, i, i+1)
}

// publishAll publishes a ledger until all of it is marked as delivered, and fails on a mark that is wrong.
func publishAll(t *testing.T, url string, l *ledger) {
	t.Helper()
	b, err := New(Options{
		URL: url, Name: "test", BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond,
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
	defer cancel()
	if err := b.Publish(ctx, l); err != nil {
		t.Fatalf("%d of %d delivered: %v", l.delivered, l.total, err)
	}
	if len(l.wrong) > 0 {
		t.Errorf("%d messages are marked as delivered that the broker did not keep, such as %v", len(l.wrong), l.wrong[:min(5, len(l.wrong))])
	}
	for number, times := range l.marks {
		if times != 1 || !l.kept(number) {
			t.Fatalf("message %d is marked %d times, kept %t", number, times, l.kept(number))
		}
	}
}

func newLedger(total int, kept func(int) bool) *ledger {
	return &ledger{total: total, wake: make(chan struct{}, ledgerWindow), marks: make([]byte, total), kept: kept}
}

// Confirms come late, out of order, many in one, mixed with nacks and returns, and connections end before they come. The
// publisher's marks are exact, and nothing of it is left behind.
func TestD21ConfirmsOfEveryKind(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	total := full(1_000_000, 20_000)
	m := &moody{seed: faultSeed(), kept: make([]atomic.Bool, total)}
	fake := newFakeBroker(t, m.answer)
	l := newLedger(total, func(number int) bool { return m.kept[number].Load() })
	publishAll(t, fake.url(), l)
	fake.close()
	goleak.VerifyNone(t, leaks)
	strange := 0
	for kind := ackedTogether; kind <= neverAnswered; kind++ {
		n := int(m.counts[kind].Load())
		if strange += n; n == 0 {
			t.Errorf("no answer of kind %d was given", kind)
		}
	}
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, m.seed, total)
	t.Logf("row: D21 seed=%d plan=%08x struck=%d acked=%d rows=%d lost=0 dup=0 unexpected=0 what=%q", m.seed, h.Sum32(), strange, l.delivered, total,
		fmt.Sprintf("publishes %d over %d connections; acked alone %d; acked together %d; nacked %d; returned %d; never answered %d; wrong marks %d; goroutines left 0",
			l.attempts, m.conns.Load(), m.counts[ackedAlone].Load(), m.counts[ackedTogether].Load(), m.counts[nacked].Load()+m.counts[nackedTogether].Load(),
			m.counts[returnedFirst].Load(), m.counts[neverAnswered].Load(), len(l.wrong)))
}
