package rabbit

import "sync"

// acks keeps, for one generation of a consumer, which deliveries are done and not acknowledged yet, and turns them
// into as few acknowledgements as is safe.
//
//	tag      low+1  low+2  low+3  low+4  low+5
//	state    done   done   held   done   held
//	         `-- one ack of low+2, multiple --'   low+4 is acknowledged alone
//
// An acknowledgement with multiple covers every lower tag, so it is sent only where all of them are done. Tags start
// at 1 in each generation and grow by one with each delivery on its channel.
type acks struct {
	wake chan struct{} // capacity 1: flush has something to do

	mu         sync.Mutex
	low        uint64 // every tag up to low is acknowledged
	states     []tagState
	held       int   // delivered and not acknowledged
	handedBack error // the first Done(err)
	retired    bool  // the generation is over: a late Done means nothing
}

type tagState byte

const (
	tagHeld tagState = iota
	tagDone
	tagGone // acknowledged or rejected
)

func newAcks() *acks { return &acks{wake: make(chan struct{}, 1)} }

// delivered notes the next tag.
func (a *acks) delivered(tag uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if tag != a.low+uint64(len(a.states))+1 {
		return false
	}
	a.states = append(a.states, tagHeld)
	a.held++
	return true
}

// done notes that the tag's message is kept by the next keeper, or, with an error, that the generation is to end so
// that the broker delivers everything unacknowledged again. It may be called from any goroutine and does not wait.
func (a *acks) done(tag uint64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.retired {
		return
	}
	if err != nil {
		if a.handedBack == nil {
			a.handedBack = err
		}
	} else {
		a.states[tag-a.low-1] = tagDone
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// gone notes that the tag was answered by other means than flush.
func (a *acks) gone(tag uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.states[tag-a.low-1] = tagGone
	a.held--
}

// retire ends the generation and returns how many messages it still held.
func (a *acks) retire() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.retired = true
	return a.held
}

// flush sends the acknowledgements that are due and returns how many messages they cover, and the error of the first
// delivery that was handed back. Only the generation's owner calls it.
func (a *acks) flush(ack func(tag uint64, multiple bool) error) (acked int, handedBack, err error) {
	sends, acked, handedBack := a.due()
	for _, s := range sends {
		if err := ack(s.tag, s.multiple); err != nil {
			return acked, handedBack, err
		}
	}
	return acked, handedBack, nil
}

type ackSend struct {
	tag      uint64
	multiple bool
}

// due plans the acknowledgements and takes them as sent: when sending one fails, the generation is over anyway.
func (a *acks) due() (sends []ackSend, acked int, handedBack error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	prefix, last, inRun := 0, 0, 0
	for prefix < len(a.states) && a.states[prefix] != tagHeld {
		if a.states[prefix] == tagDone {
			// The run's ack must name a tag that is still open: the broker refuses one that it does not know.
			last, inRun = prefix, inRun+1
		}
		prefix++
	}
	if inRun > 0 {
		sends = append(sends, ackSend{a.low + uint64(last) + 1, inRun > 1})
	}
	acked = inRun
	a.low += uint64(prefix)
	a.states = a.states[prefix:]
	for i, state := range a.states {
		if state == tagDone {
			sends = append(sends, ackSend{tag: a.low + uint64(i) + 1})
			a.states[i] = tagGone
			acked++
		}
	}
	a.held -= acked
	return sends, acked, a.handedBack
}
