package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/problem"
)

// This file is the one place where an error becomes an answer.

// huma makes its own errors through two variables of its package. Nothing else in the program uses huma.
func init() {
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return fromHuma(status, detail, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, detail string, errs ...error) huma.StatusError {
		p := fromHuma(status, detail, errs)
		if ctx != nil {
			of(ctx.Context()).tell(p)
		}
		return p
	}
}

// fromHuma turns what huma found into a problem: our own, told by a body or a parameter, or that of an unknown parameter.
func fromHuma(status int, detail string, errs []error) *problem.Problem {
	var fields problem.Fields
	for _, err := range errs {
		var told *problem.Problem
		var found *huma.ErrorDetail
		switch {
		case errors.As(err, &told):
			return told
		case errors.As(err, &found) && strings.HasPrefix(found.Location, "query."):
			fields.Add(strings.TrimPrefix(found.Location, "query."), problem.RuleUnknown, "there is no such parameter")
		}
	}
	switch {
	case len(fields) > 0:
		return problem.New(problem.Invalid, fields...)
	case status == 406:
		return problem.New(problem.NotAcceptable)
	case status == 408:
		return problem.New(problem.Timeout)
	case status == 413:
		return problem.New(problem.TooLarge)
	case status == 0: // the example in the OpenAPI document
		return problem.With(problem.Invalid, detail)
	}
	return problem.New(problem.Internal)
}

// internal is the problem of something that must not happen.
func internal(cause any) error {
	return fmt.Errorf("panic: %v: %w", cause, problem.New(problem.Internal))
}

// problemOf turns an error into what the caller may read, logs what the caller may not, and sets the headers that belong
// to it.
func (e *exchange) problemOf(err error) *problem.Problem {
	p := problem.Of(err)
	switch gone := errors.Is(e.gin.Request.Context().Err(), context.Canceled); {
	case p.Status >= 500 && gone: // whoever asked has left
		e.log.Debug("request given up", "err", err)
	case p.Status >= 500:
		e.log.Error("request failed", "err", err)
	}
	e.tell(p)
	return p
}

// tell sets the headers of a problem, and lets the client write its body to the end so that it reads the answer.
func (e *exchange) tell(p *problem.Problem) {
	if e == nil || e.told {
		return
	}
	e.told = true
	e.drain()
	switch p.Code {
	case problem.Unauthorized:
		e.gin.Header("WWW-Authenticate", "Bearer")
	case problem.Unavailable, problem.Running:
		e.gin.Header("Retry-After", "1")
	}
}

// write answers with the problem of an error where huma is not asked.
func (e *exchange) write(err error) {
	p := e.problemOf(err)
	body, _ := json.Marshal(p) // strings and numbers only
	e.gin.Data(p.Status, p.ContentType(""), body)
	e.gin.Abort()
}
