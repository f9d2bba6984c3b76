package pool

// Oldest is how old the oldest click of each keeper is. Each keeper is known in its own way.
type Oldest struct {
	Spool  *float64 `json:"spool" doc:"Each redirector reads it from its file and tells it once a second; that of a silent one goes on ageing."`
	Broker *float64 `json:"broker" doc:"At most so long: nobody looks into the queue. It is the age of the time up to which everything that left a spool is stored."`
	Held   *float64 `json:"held" doc:"Each worker tells it once a second; null also while all that hold clicks are of a version that does not."`
}

// age tells how old the oldest clicks are: in spools, outside them, and in hand.
func (p *Pipeline) age(now, spooled, sent, held int64) {
	since := func(ms int64) *float64 {
		if ms == 0 {
			return nil
		}
		return new(tenth(float64(max(0, now-ms)) / 1000))
	}
	p.Oldest.Spool, p.Oldest.Held = since(spooled), since(held)
	if p.Backlog.Broker > 0 {
		p.Oldest.Broker = since(sent)
	}
	for _, s := range []*float64{p.Oldest.Spool, p.Oldest.Broker, p.Oldest.Held} {
		if s != nil {
			p.OldestS = max(p.OldestS, *s)
		}
	}
}

// earlier is the earlier of two times; 0 = none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
