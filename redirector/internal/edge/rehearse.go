package edge

import (
	"context"
	"sync"

	"longtail/redirector/internal/resolve"
	"longtail/shared/click"
)

// A Rehearsal is what a hit would be answered, and what of it would be recorded.
type Rehearsal struct {
	Result
	Code   string         // what was looked up; "" = nothing was
	Target resolve.Target // what was found
	Click  *click.Click   // what would go into the journal, without an ID; nil = nothing would
}

// Rehearse answers a hit as an Edge over the resolver does, and records nothing.
func Rehearse(ctx context.Context, resolver Resolver, hit *Hit) Rehearsal {
	w := &witness{Resolver: resolver}
	e := &Edge{
		resolver: w, journal: w, ready: func() bool { return true },
		clicks: sync.Pool{New: func() any { return new(click.Click) }},
	}
	w.seen.Result = e.Answer(ctx, hit)
	return w.seen
}

// witness is a Resolver that remembers what it found, and a Journal that keeps nothing but shows the click.
type witness struct {
	Resolver
	seen Rehearsal
}

// Resolve asks the real one.
func (w *witness) Resolve(ctx context.Context, domain uint32, code string) (resolve.Target, error) {
	t, err := w.Resolver.Resolve(ctx, domain, code)
	if w.seen.Code == "" { // what is asked after it is where its target leads
		w.seen.Code, w.seen.Target = code, t
	}
	return t, err
}

// Append shows the click.
func (w *witness) Append(c *click.Click) error {
	shown := *c
	w.seen.Click = &shown
	return nil
}
