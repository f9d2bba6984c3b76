// Package check tells what a click on a link would be answered, and what of it would be recorded, without recording it.
//
// Place on the click's way: beside it. The answer is edge's own and the findings are ingest's own, so that neither can
// say anything else than a real click will meet.
package check

import (
	"context"
	"strings"

	"longtail/redirector/internal/edge"
	"longtail/redirector/internal/problem"
	"longtail/shared/classify"
	"longtail/shared/ingest"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// maxText bounds each text of a Click, in bytes.
const maxText = 8192

// A Click is what somebody might send. All of it may be empty.
type Click struct {
	Path      string // as sent if it begins with a slash, else what stands behind the link's own
	Query     string // as sent
	UserAgent string
	Token     string // stands behind the path
}

// A Reason says in a word why the answer is what it is.
type Reason string

// The reasons.
const (
	Target      Reason = "target"       // the link leads to its target
	RedirectAll Reason = "redirect_all" // its campaign leads elsewhere
	Expired     Reason = "expired"
	Disabled    Reason = "disabled"
	Deleted     Reason = "deleted"
	Stopped     Reason = "stopped"     // its key or account was stopped
	Loop        Reason = "loop"        // the target leads back to the link
	NotFound    Reason = "not_found"   // no redirector knows the link on this domain, yet
	Unavailable Reason = "unavailable" // nobody can know now
)

// Reasons is the closed set of reasons.
var Reasons = []Reason{Target, RedirectAll, Expired, Disabled, Deleted, Stopped, Loop, NotFound, Unavailable}

// An Answer is what the click would meet. If it would not be recorded, its findings are those of a click without any.
type Answer struct {
	Status    int
	Location  string // "" = none
	Reason    Reason
	Recorded  bool
	Token     storage.Token
	Recipient string // to whom it would be credited, in lower case; "" = nobody
	Class     storage.Class
	Rule      classify.Rule // by which it would be a machine's
	UserAgent string        // what would be kept of it
}

// A Service checks clicks.
type Service struct {
	resolver edge.Resolver
	keys     func(account uint32, campaign string) []link.CampaignKey
}

// New returns a service over the resolver of the redirects and the keys of the campaigns.
func New(resolver edge.Resolver, keys func(account uint32, campaign string) []link.CampaignKey) *Service {
	return &Service{resolver, keys}
}

// Check tells what a GET on a link under host would meet. A click that cannot be one on this link is a *problem.Problem.
func (s *Service) Check(ctx context.Context, l link.Link, host string, c Click) (Answer, error) {
	path, query, err := c.address(l.Code)
	if err != nil {
		return Answer{}, err
	}
	seen := edge.Rehearse(ctx, s.resolver, &edge.Hit{Method: "GET", Host: host, Path: path, RawQuery: query, UserAgent: c.UserAgent})
	if seen.Code != l.Code && (seen.Code != "" || seen.Outcome != edge.Unavailable) {
		return Answer{}, problem.New(problem.Invalid, problem.Field{Field: "path", Rule: problem.RuleShape, Detail: "a path with a slash in front begins with /" + l.Code})
	}
	a := Answer{Status: seen.Status, Location: seen.Location, Reason: reason(&seen, &l)}
	if seen.Click != nil {
		a.Recorded, a.UserAgent = true, seen.Click.UserAgent
		a.Token, a.Recipient, a.Class, a.Rule = ingest.Foretell(seen.Click, s.keys(l.Account, l.CampaignName))
	}
	return a, nil
}

// address returns the path and the query of the click. Everything that is wrong with it is told at once.
func (c *Click) address(code string) (path, query string, err error) {
	var bad problem.Fields
	for _, text := range []struct{ field, value string }{{"path", c.Path}, {"query", c.Query}, {"user_agent", c.UserAgent}, {"token", c.Token}} {
		if len(text.value) > maxText {
			bad.Add(text.field, problem.RuleLength, "at most 8192 bytes")
		}
	}
	path, query, asked := strings.Cut(c.Path, "?")
	if asked && c.Query != "" {
		bad.Add("query", problem.RuleShape, "the path has a query already")
	}
	if !asked {
		query = strings.TrimPrefix(c.Query, "?")
	}
	switch {
	case path == "":
		path = "/" + code
	case path[0] != '/':
		path = "/" + code + "/" + path
	}
	if c.Token != "" {
		path = strings.TrimRight(path, "/") + "/" + c.Token
	}
	return path, query, bad.Err()
}

// reason explains what was seen by what edge found; the link's own row only tells who made it so.
func reason(seen *edge.Rehearsal, l *link.Link) Reason {
	switch t := &seen.Target; {
	case seen.Outcome == edge.NotFound:
		return NotFound
	case seen.Outcome == edge.Looped:
		return Loop
	case seen.Outcome == edge.Unavailable:
		return Unavailable
	case seen.Outcome == edge.Redirected && t.Version == uint64(l.Version) && t.URL != l.URL:
		return RedirectAll
	case seen.Outcome == edge.Redirected:
		return Target
	case t.State == link.Deleted || l.State == link.Deleted:
		return Deleted
	case t.State == link.Disabled && l.State == link.Disabled:
		return Disabled
	case t.State == link.Disabled:
		return Stopped
	}
	return Expired
}
