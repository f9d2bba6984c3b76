package resolve

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The bus is a Redis channel on which redirectors speed each other up. Nothing depends on a message: what was lost is
// found in the feed a second later. Every message is one word and what belongs to it.
const (
	busChannel = "longtail:bus"
	busBeat    = "beat"    // somebody is there
	busChanged = "changed" // the feed has something new
	busCreated = "created" // "created 7:abc 7:def": these codes exist from now on

	beatPeriod = 250 * time.Millisecond
	busSilence = time.Second
)

// beat lets the bus be heard, so that silence means something.
func (r *Resolver) beat(ctx context.Context) {
	tick := time.NewTicker(beatPeriod)
	defer tick.Stop()
	for {
		_ = r.shared.publish(ctx, busBeat) // a missing beat is noticed by those who listen
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *Resolver) listen(ctx context.Context) {
	messages, stop := r.shared.values.subscribe(ctx)
	defer stop()
	r.hear(ctx, messages)
}

// hear acts on the bus's messages. A bus that is silent for a second has perhaps lost some: loads in progress are
// discarded then, and once more when it speaks again; what memory holds stays, the feed repairs it.
func (r *Resolver) hear(ctx context.Context, messages <-chan *redis.Message) {
	silence := time.NewTimer(busSilence)
	defer silence.Stop()
	silent := false
	for {
		select {
		case <-ctx.Done():
			return
		case m, open := <-messages:
			if !open {
				return
			}
			silence.Reset(busSilence)
			if silent {
				silent = false
				r.epoch.Add(1)
				r.metrics.busSilent.Set(0)
				r.log.Info("bus speaks again")
				r.readSoon()
			}
			r.act(m.Payload)
		case <-silence.C:
			silent = true
			r.epoch.Add(1)
			r.metrics.busSilent.Set(1)
			r.log.Warn("bus is silent, changes are read every second")
		}
	}
}

func (r *Resolver) act(message string) {
	word, rest, _ := strings.Cut(message, " ")
	switch word {
	case busChanged:
		r.readSoon()
	case busCreated:
		for name := range strings.FieldsSeq(rest) {
			domain, code, _ := strings.Cut(name, ":")
			if id, err := strconv.ParseUint(domain, 10, 32); err == nil {
				r.memory.revive(key{uint32(id), code})
			}
		}
	}
}

// readSoon has the follower read the feed now, if it does not already.
func (r *Resolver) readSoon() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
