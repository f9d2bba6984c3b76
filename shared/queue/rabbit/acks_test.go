package rabbit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// unacked is the broker's side of a channel: which tags it has given out and not been told about. Like the broker it
// refuses a tag that it does not know.
type unacked map[uint64]bool

func (u unacked) ack(tag uint64, multiple bool) error {
	if !u[tag] {
		return fmt.Errorf("unknown delivery tag %d", tag)
	}
	for t := range u {
		if t == tag || multiple && t < tag {
			delete(u, t)
		}
	}
	return nil
}

// TestAcksAreExactInAnyOrder finishes deliveries in random order, in bursts, with rejects between, and compares after
// each flush what the broker believes with what is true.
func TestAcksAreExactInAnyOrder(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test's schedule
	deliveries, sends := 0, 0
	for schedule := range 300 {
		a, server, open, window := newAcks(), unacked{}, []uint64{}, 1+r.IntN(200)
		done := map[uint64]bool{}
		for tag := uint64(1); tag <= 500 || len(open) > 0; {
			if tag <= 500 && len(server) < window && r.IntN(3) > 0 {
				if !a.delivered(tag) {
					t.Fatalf("seed %d: tag %d is not the next", seed, tag)
				}
				if server[tag] = true; r.IntN(50) == 0 {
					a.gone(tag)
					delete(server, tag)
				} else {
					open = append(open, tag)
				}
				tag++
				deliveries++
				continue
			}
			for range min(1+r.IntN(window), len(open)) {
				i := r.IntN(1 + r.IntN(len(open))) // older ones rather first
				a.done(open[i], nil)
				done[open[i]] = true
				open = append(open[:i], open[i+1:]...)
			}
			if _, _, err := a.flush(func(tag uint64, multiple bool) error { sends++; return server.ack(tag, multiple) }); err != nil {
				t.Fatalf("seed %d, schedule %d: %v", seed, schedule, err)
			}
			for _, tag := range open {
				if !server[tag] {
					t.Fatalf("seed %d, schedule %d: tag %d is acknowledged and not done", seed, schedule, tag)
				}
			}
			if len(server) != len(open) || a.held != len(open) {
				t.Fatalf("seed %d, schedule %d: the broker holds %d, acks %d, the worker %d", seed, schedule, len(server), a.held, len(open))
			}
		}
	}
	t.Logf("%d deliveries acknowledged with %d sends", deliveries, sends)
}

func TestAcksInOrderAreOneSend(t *testing.T) {
	a, server := newAcks(), unacked{}
	for tag := uint64(1); tag <= 100; tag++ {
		a.delivered(tag)
		server[tag] = true
		a.done(tag, nil)
	}
	sends := 0
	acked, _, err := a.flush(func(tag uint64, multiple bool) error { sends++; return server.ack(tag, multiple) })
	if err != nil || acked != 100 || sends != 1 || len(server) != 0 {
		t.Errorf("acked %d with %d sends, %d left, %v; want 100 with one", acked, sends, len(server), err)
	}
}

func TestAcksHandBackAfterWhatIsDone(t *testing.T) {
	a, server, full := newAcks(), unacked{1: true, 2: true}, errors.New("database is down")
	a.delivered(1)
	a.delivered(2)
	a.done(2, full)
	a.done(1, nil)
	acked, handedBack, err := a.flush(server.ack)
	if acked != 1 || !errors.Is(handedBack, full) || err != nil || !server[2] {
		t.Errorf("acked %d, handed back %v, %v, broker holds %v; want the second handed back", acked, handedBack, err, server)
	}
	if n := a.retire(); n != 1 {
		t.Errorf("%d messages held at the end, want 1", n)
	}
	a.done(2, nil) // of a generation that is over: nothing may come of it
	if sends, _, _ := a.due(); len(sends) != 0 {
		t.Errorf("a late Done is acknowledged: %v", sends)
	}
}

func TestAcksRefuseTagsOfAnotherChannel(t *testing.T) {
	a := newAcks()
	if !a.delivered(1) || a.delivered(1) || a.delivered(3) || !a.delivered(2) {
		t.Error("tags must come one after the other, from 1")
	}
}
