// Package edge is the first step of the click's way: it answers the person who clicked.
//
// Answer is a pure function of a Hit and its two dependencies, resolve (which link is this?) and the journal (the
// spool, which has the click on disk before the answer is sent). Two fronts translate for it: the one in front.go, for
// plain requests, which nearly all are, and behind it net/http with the gin handler in gin.go, for whatever else comes.
package edge

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/redirector/internal/resolve"
	"longtail/shared/click"
	"longtail/shared/link"
)

// A Resolver knows domains and links.
type Resolver interface {
	// Domain returns the domain of a Host header, in any form in which clients send it. An ID of 0 means that no
	// domain is known yet.
	Domain(host string) *resolve.Domain
	// Resolve returns the target of a well-shaped code in lower case, link.ErrNotFound when there is no such code, and
	// any other error when that cannot be known now. It returns within about 2 s.
	Resolve(ctx context.Context, domain uint32, code string) (resolve.Target, error)
}

// A Journal keeps clicks.
type Journal interface {
	// Append makes the click durable before it returns. It does not keep c. An error means that the click is not
	// recorded, and that the journal has counted it as such.
	Append(c *click.Click) error
}

// A Hit is one request, as far as the answer depends on it.
type Hit struct {
	Method    string
	Host      string // the Host header as sent
	Path      string // the path as sent, escapes and all
	RawQuery  string // the query as sent, without its question mark
	IP        string // the clicker's address, already reduced to what may be kept
	UserAgent string
	Referrer  string
	Prefetch  bool // a header said that nobody looks at this yet
}

// Options are what an Edge is made of. All are required, but for TrustedProxies and IP.
type Options struct {
	Resolver       Resolver
	Journal        Journal
	Ready          func() bool    // what /-/ready says while the server is not draining
	TrustedProxies TrustedProxies // whose X-Forwarded-For is believed; nil = nobody's
	IP             IPMode         // what is kept of a clicker's address; the zero value keeps nothing
	Log            *slog.Logger
	Registerer     prometheus.Registerer
}

// An Edge answers clicks. It is safe for concurrent use.
type Edge struct {
	resolver Resolver
	journal  Journal
	ready    func() bool
	draining atomic.Bool
	proxies  TrustedProxies
	ip       IPMode
	log      *slog.Logger
	metrics  *metrics
	clicks   sync.Pool // of *click.Click: what goes through the Journal interface would be allocated each time
	refusing atomic.Bool
}

// New makes an Edge.
func New(o Options) *Edge {
	return &Edge{
		resolver: o.Resolver, journal: o.Journal, ready: o.Ready, proxies: o.TrustedProxies, ip: o.IP,
		log:     o.Log.With("component", "edge"),
		metrics: newMetrics(o.Registerer),
		clicks:  sync.Pool{New: func() any { return new(click.Click) }},
	}
}

// Answer answers one request. A hit in memory allocates nothing.
func (e *Edge) Answer(ctx context.Context, hit *Hit) Result {
	if hit.Method != "GET" && hit.Method != "HEAD" {
		return methodNotAllowed
	}
	if r, ok := e.static(hit.Path); ok {
		return r
	}
	route := parsePath(hit.Path)
	domain := e.resolver.Domain(hit.Host)
	if !shaped(domain, route.code) {
		return notFound
	}
	if domain.ID == 0 {
		return unavailable
	}
	target, err := e.resolver.Resolve(ctx, domain.ID, route.code)
	switch {
	case errors.Is(err, link.ErrNotFound):
		return notFound
	case err != nil:
		return unavailable
	case !live(&target):
		return e.dead(ctx, hit, spot{domain, route.code})
	case e.loops(ctx, hit, spot{domain, route.code}, target.URL):
		return looped
	}
	e.record(hit, route, &target)
	location := target.URL
	if len(target.Forward) > 0 && hit.RawQuery != "" {
		location = forward(location, hit.RawQuery, target.Forward)
	}
	return Result{Status: 302, Location: location, Outcome: Redirected}
}

// safely answers, counts the answer, and turns a panic into 500. Where that was it tells, but nothing of the request: it
// holds a person's address.
func (e *Edge) safely(ctx context.Context, hit *Hit) (r Result) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			e.log.Error("panic while answering a click", "panic", p, "stack", string(debug.Stack()))
			r = broken
		}
		e.metrics.observe(r.Outcome, time.Since(start))
	}()
	return e.Answer(ctx, hit)
}

// shaped reports whether a code can stand on a domain. What cannot is answered without a lookup.
func shaped(d *resolve.Domain, code string) bool {
	return link.WellShaped(code) || d.ForeignCodes && link.ForeignShaped(code)
}

// live reports whether a link answers. A dead one asks the clock whatever it is dead of: how long the answer takes must not
// tell.
func live(t *resolve.Target) bool {
	if t.State == link.Live && t.ExpiresMS == 0 {
		return true
	}
	now := time.Now().UnixMilli()
	return t.State == link.Live && now < t.ExpiresMS
}

// record gives the click to the journal. Whatever becomes of it there, the person is redirected: the journal counts
// what it could not keep, and names the gap.
func (e *Edge) record(hit *Hit, route route, t *resolve.Target) {
	c := e.clicks.Get().(*click.Click)
	*c = click.Click{
		Link: t.ID, Ordinal: t.Ordinal, Account: t.Account, Campaign: t.Campaign, Domain: t.Domain, Method: click.GET,
	}
	if hit.Method == "HEAD" {
		c.Method = click.HEAD
	}
	if hit.Prefetch {
		c.Flags |= click.Prefetch
	}
	if route.private {
		c.Flags |= click.Private
	} else {
		c.Token, c.IP, c.UserAgent, c.Referrer = route.token, hit.IP, hit.UserAgent, hit.Referrer
		if route.tail && route.token != "" {
			c.Flags |= click.Tail
		}
	}
	c.Cut()
	err := e.journal.Append(c)
	*c = click.Click{} // the pool must not hold on to a request's text
	e.clicks.Put(c)
	e.noteJournal(err)
}

// noteJournal logs when the journal begins to refuse clicks, and when that ends.
func (e *Edge) noteJournal(err error) {
	if err == nil {
		if e.refusing.Load() && e.refusing.CompareAndSwap(true, false) {
			e.log.Info("journal takes clicks again")
		}
		return
	}
	if e.refusing.CompareAndSwap(false, true) {
		e.log.Error("journal refuses clicks, redirects go on unrecorded", "error", err)
	}
}
