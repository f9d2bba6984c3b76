package consume

import "fmt"

// Tuning is what can be changed while the worker runs.
type Tuning struct {
	Consumers int // how many; 0 pauses this worker
	Prefetch  int // messages in the hands of each
}

func (t Tuning) validate() error {
	if t.Consumers < 0 || t.Consumers > 64 {
		return fmt.Errorf("consumers: %d is not between 0 and 64", t.Consumers)
	}
	if t.Prefetch < 1 || t.Prefetch > 2000 {
		return fmt.Errorf("prefetch: %d is not between 1 and 2000", t.Prefetch)
	}
	return nil
}

// Tuning returns what is wanted now.
func (p *Pool) Tuning() Tuning {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wanted
}

// Prefetch returns the window of each consumer, for an ingest that commits when the window is in hand.
func (p *Pool) Prefetch() int { return p.Tuning().Prefetch }

// SetTuning changes the number of consumers or their window. It returns at once; what is invalid is refused and changes
// nothing. Consumers that stay as they are go on undisturbed; a new window means new consumers.
func (p *Pool) SetTuning(t Tuning) error {
	if err := t.validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted == t {
		return nil
	}
	p.wanted = t
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return nil
}
