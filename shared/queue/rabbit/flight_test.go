package rabbit

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"longtail/shared/queue"
)

// An answer is a confirm that the test gives when it likes.
type answer struct {
	done  chan struct{}
	acked bool
}

func (a *answer) Done() <-chan struct{} { return a.done }

func (a *answer) Acked() bool {
	select {
	case <-a.done:
		return a.acked
	default:
		return false
	}
}

// D21: confirms come late, out of order, as nacks, and behind returns; some never come. A message is marked as
// delivered if and only if the broker has kept it and said so before its generation ended.
func TestConfirmsInAnyOrderMarkExactlyWhatIsKept(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test's schedule
	b, err := New(Options{URL: "amqp://localhost", Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	type message struct {
		*answer
		kept, returned bool
		marks          []error // what Done said
	}
	const total = 1_000_000
	published, delivered, generations := 0, 0, 0
	for published < total {
		generations++
		p := publisher{broker: b, log: b.opts.Log}
		g := &generation{ch: &amqp.Channel{}}
		returns := make(chan amqp.Return, returnsCapacity)
		var all, open []*message // all of this generation; those without an answer
		var end error
		for end == nil && len(all) < 2000 {
			if len(p.flight) < maxInFlight && r.IntN(2) == 0 {
				fate := r.IntN(2000)
				m := &message{answer: &answer{done: make(chan struct{})}, kept: fate > 1, returned: fate == 0}
				d := queue.NewDelivery(queue.Message{}, 1, func(err error) { m.marks = append(m.marks, err) })
				p.flight = append(p.flight, flight{d: d, confirm: m.answer})
				all, open = append(all, m), append(open, m)
				published++
				continue
			}
			for range r.IntN(len(open) + 1) { // answers, in any order; a returned message is acknowledged, too
				i := r.IntN(len(open))
				m := open[i]
				open = append(open[:i], open[i+1:]...)
				if m.returned {
					returns <- amqp.Return{ReplyCode: 312}
				}
				m.acked = m.kept || m.returned
				close(m.done)
			}
			end = p.settle(g, returns)
		}
		p.giveUp(errors.Join(end, errLost))
		for i, m := range all {
			if len(m.marks) != 1 {
				t.Fatalf("seed %d: message %d was Done %d times", seed, i, len(m.marks))
			}
			if m.marks[0] == nil {
				delivered++
				if !m.kept || !m.Acked() {
					t.Fatalf("seed %d: message %d is marked delivered; kept %t, returned %t, acked %t", seed, i, m.kept, m.returned, m.Acked())
				}
			}
		}
	}
	t.Logf("%d published in %d generations, %d marked delivered, all of them kept", published, generations, delivered)
	if delivered < total/2 {
		t.Errorf("only %d of %d were delivered", delivered, published)
	}
}
