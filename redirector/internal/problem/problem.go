// Package problem says what is wrong with a request, in the words of two closed sets: the code of the whole answer and
// the rule that a field breaks. Every room of the API speaks it and one place renders it, so that what a store or a
// library says never reaches a caller.
//
// Place on the click's way: beside it, where platforms make the links that are clicked.
package problem

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"longtail/shared/link"
)

// Code is the kind of a whole answer: a closed set.
type Code string

// The codes.
const (
	Unauthorized     Code = "unauthorized"
	Forbidden        Code = "forbidden"
	NotFound         Code = "not_found"
	MethodNotAllowed Code = "method_not_allowed"
	NotAcceptable    Code = "not_acceptable"
	Timeout          Code = "timeout"
	Taken            Code = "taken"
	RefConflict      Code = "ref_conflict"
	Running          Code = "still_running"
	Stale            Code = "stale"
	TooLarge         Code = "too_large"
	MediaType        Code = "media_type"
	Invalid          Code = "invalid"
	RateLimited      Code = "rate_limited"
	Internal         Code = "internal"
	Unavailable      Code = "unavailable"
)

// kinds gives every code its status and what it says when nobody knows better.
var kinds = map[Code]struct {
	status int
	detail string
}{
	Unauthorized:     {http.StatusUnauthorized, "The API key is missing, unknown, expired or revoked."},
	Forbidden:        {http.StatusForbidden, "The key's role does not allow this."},
	NotFound:         {http.StatusNotFound, "There is nothing here."},
	MethodNotAllowed: {http.StatusMethodNotAllowed, "This path does not know the method."},
	NotAcceptable:    {http.StatusNotAcceptable, "None of the accepted types can be given."},
	Timeout:          {http.StatusRequestTimeout, "The request took too long to arrive."},
	Taken:            {http.StatusConflict, "The domain has or had a link with this code."},
	RefConflict:      {http.StatusConflict, "The ref stands for a link with another url."},
	Running:          {http.StatusConflict, "A request with this Idempotency-Key is still running."},
	Stale:            {http.StatusPreconditionFailed, "The object was changed since the ETag was given."},
	TooLarge:         {http.StatusRequestEntityTooLarge, "The request is too large."},
	MediaType:        {http.StatusUnsupportedMediaType, "The request has the wrong content type."},
	Invalid:          {http.StatusUnprocessableEntity, "The request breaks the rules named in errors."},
	RateLimited:      {http.StatusTooManyRequests, "Too many requests with this key; wait as Retry-After says."},
	Internal:         {http.StatusInternalServerError, "Something went wrong here; the log has more under the Request-Id."},
	Unavailable:      {http.StatusServiceUnavailable, "A store does not answer; try again."},
}

// A Problem is an answer that is not the wanted one, as RFC 9457 shapes it.
type Problem struct {
	Type   string  `json:"type" doc:"A name of the kind; says the same as code."`
	Title  string  `json:"title" doc:"The status in words."`
	Status int     `json:"status" doc:"The HTTP status."`
	Detail string  `json:"detail" doc:"For people; may change."`
	Code   Code    `json:"code" doc:"For programs; a closed set."`
	Errors []Field `json:"errors" doc:"What is wrong with the fields; empty if it is not about fields."`
}

// A Field names one field, the rule that it breaks and, in bodies of lines, the line.
type Field struct {
	Field  string `json:"field" doc:"The field, parameter or header; empty for the whole body."`
	Rule   string `json:"rule" doc:"The rule that it breaks; a closed set."`
	Detail string `json:"detail" doc:"For people; may change."`
	Line   int    `json:"line,omitempty" doc:"The line of an NDJSON or CSV body, from 1."`
}

// New returns a problem with the code's own status and words.
func New(code Code, fields ...Field) *Problem {
	kind := kinds[code]
	if fields == nil {
		fields = []Field{}
	}
	return &Problem{"urn:longtail:problem:" + string(code), http.StatusText(kind.status), kind.status, kind.detail, code, fields}
}

// With returns a problem like New's that says something more helpful.
func With(code Code, detail string) *Problem {
	p := New(code)
	p.Detail = detail
	return p
}

// Error returns the detail and what is wrong with the fields.
func (p *Problem) Error() string {
	var text strings.Builder
	text.WriteString(p.Detail)
	for _, f := range p.Errors {
		text.WriteString(" " + f.Field + ": " + f.Detail + ".")
	}
	return text.String()
}

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of a problem beside the negotiated one.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// AtLine returns a copy whose fields name the line.
func (p *Problem) AtLine(line int) *Problem {
	q := *p
	q.Errors = append([]Field{}, p.Errors...)
	for i := range q.Errors {
		q.Errors[i].Line = line
	}
	if len(q.Errors) == 0 {
		q.Errors = []Field{{Rule: string(p.Code), Detail: p.Detail, Line: line}}
	}
	return &q
}

// Of turns any error into what a caller may read of it. What it does not know is a store that does not answer.
func Of(err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, link.ErrNotFound):
		return New(NotFound)
	case errors.Is(err, link.ErrTaken):
		return New(Taken, Field{Field: "code", Rule: RuleTaken, Detail: kinds[Taken].detail})
	case errors.Is(err, link.ErrConflict):
		return New(RefConflict, Field{Field: "ref", Rule: RuleRefConflict, Detail: kinds[RefConflict].detail})
	case errors.Is(err, link.ErrStale):
		return New(Stale)
	case errors.Is(err, context.DeadlineExceeded):
		return New(Unavailable)
	}
	return New(Unavailable)
}
