package edge

import (
	"context"
	"strings"
)

// An Outcome is the kind of an answer, in the closed set of the label result.
type Outcome uint8

// The outcomes.
const (
	Redirected  Outcome = iota // 302 to the link's own target: the only answer that is a click
	Fallback                   // 302 of a dead link to its domain's fallback_url
	NotFound                   // 404
	Gone                       // 410
	Unavailable                // 503: cannot be known now
	Looped                     // 410: the target leads back to the link
	Refused                    // 405
	Service                    // robots.txt, probes
	Broken                     // 500: a bug of ours
	outcomes
)

// String returns the label of the metric.
func (o Outcome) String() string {
	return [outcomes]string{"redirect", "fallback", "not_found", "gone", "unavailable", "loop", "method", "service", "error"}[o]
}

// A Result is an answer. What is not set is not sent.
type Result struct {
	Status     int
	Outcome    Outcome
	Location   string
	Allow      string
	RetryAfter string // seconds
	Body       string // plain text
}

var (
	notFound         = Result{Status: 404, Outcome: NotFound, Body: "There is no link at this address.\n"}
	gone             = Result{Status: 410, Outcome: Gone, Body: "This link is no longer active.\n"}
	looped           = Result{Status: 410, Outcome: Looped, Body: "This link leads back to itself.\n"}
	unavailable      = Result{Status: 503, Outcome: Unavailable, RetryAfter: "2", Body: "Please try again in a moment.\n"}
	methodNotAllowed = Result{Status: 405, Outcome: Refused, Allow: "GET, HEAD", Body: "Links answer GET and HEAD.\n"}
	broken           = Result{Status: 500, Outcome: Broken, Body: "Something went wrong.\n"}
	nothingHere      = Result{Status: 404, Outcome: Service, Body: notFound.Body}
	robots           = Result{Status: 200, Outcome: Service, Body: "User-agent: *\nDisallow: /\n"}
	alive            = Result{Status: 200, Outcome: Service, Body: "ok\n"}
	notReady         = Result{Status: 503, Outcome: Service, RetryAfter: "1", Body: "not ready\n"}
)

// dead is the answer of a link that was disabled, deleted or has expired.
func (e *Edge) dead(ctx context.Context, hit *Hit, p spot) Result {
	url := p.domain.FallbackURL
	if url == "" || e.loops(ctx, hit, p, url) {
		return gone
	}
	return Result{Status: 302, Outcome: Fallback, Location: url}
}

// static answers the paths that are nobody's link, without a lookup.
func (e *Edge) static(path string) (Result, bool) {
	switch path {
	case "", "/", "/favicon.ico":
		return nothingHere, true
	case "/robots.txt":
		return robots, true
	case "/-/live":
		return alive, true
	case "/-/ready":
		if e.draining.Load() || !e.ready() {
			return notReady, true
		}
		return alive, true
	}
	if strings.HasPrefix(path, "/.well-known/") || strings.HasPrefix(path, "/-/") {
		return nothingHere, true
	}
	return Result{}, false
}
