package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
)

// A call is one route of the API.
type call struct {
	method, path string
	id, summary  string // of the OpenAPI document
	role         account.Role
	status       int    // of success; 0 = 200
	also         int    // another status of success with the same answer
	errors       []int  // statuses of problems beside those that every route has
	body         any    // a value of the JSON body's type, nil = none
	bare         bool   // the body may be missing
	media        string // of the body; "" = application/json
	answers      string // media type of a streamed answer
	once         bool   // knows Idempotency-Key
	secret       bool   // its answer holds a secret: it is kept sealed
	open         bool   // asks for no key
}

// handler answers a call in the name of a principal.
type handler[I, O any] func(ctx context.Context, who account.Principal, in *I) (*O, error)

// register adds a call to the router and to the OpenAPI document.
func register[I, O any](s *server, c call, h handler[I, O]) {
	op := huma.Operation{
		Method: c.method, Path: c.path, OperationID: c.id, Summary: c.summary, DefaultStatus: c.status,
		SkipValidateParams: false, RejectUnknownQueryParameters: true,
		Security:    []map[string][]string{{"key": {}}},
		Middlewares: huma.Middlewares{s.admit(c.role), s.once(&c)},
		Responses:   map[string]*huma.Response{},
	}
	op.Errors = append(c.errors, 403, 404, 422, 503)
	if c.open {
		op.Security, op.Middlewares = []map[string][]string{}, nil
	} else {
		op.Errors = append(op.Errors, 401, 429)
	}
	if c.body != nil {
		op.Errors = append(op.Errors, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if c.answers != "" {
		op.Responses["200"] = &huma.Response{Description: "A stream of lines.", Content: map[string]*huma.MediaType{c.answers: {}}}
	}
	s.calls = append(s.calls, c)
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		who := of(ctx).who
		out, err := h(who.Acts(ctx), who, in)
		if err != nil {
			return nil, of(ctx).problemOf(err)
		}
		return out, nil
	})
	s.document(c)
}

// document adds to the OpenAPI document what huma does not see. The body comes late on purpose: huma reads the body of an
// operation that has one from the start, and here the document type or the handler does.
func (s *server) document(c call) {
	item := s.huma.OpenAPI().Paths[c.path]
	for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
		if op == nil || op.Method != c.method {
			continue
		}
		if c.body != nil {
			op.RequestBody = s.requestBody(c)
		}
		if c.also != 0 {
			op.Responses[strconv.Itoa(c.also)] = op.Responses[strconv.Itoa(op.DefaultStatus)]
		}
	}
}

func (s *server) requestBody(c call) *huma.RequestBody {
	media := c.media
	if media == "" {
		media = "application/json"
	}
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(c.body), true, "")
	return &huma.RequestBody{Required: !c.bare, Content: map[string]*huma.MediaType{media: {Schema: schema}}}
}

// admit lets a request pass whose key has the role, within the key's rate.
func (s *server) admit(role account.Role) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		e := of(ctx.Context())
		who, err := s.principal(ctx)
		switch {
		case errors.Is(err, account.ErrUnknown):
			e.write(problem.New(problem.Unauthorized))
		case err != nil:
			e.write(err)
		case !s.withinRate(ctx.Context(), e, who):
			e.write(problem.New(problem.RateLimited))
		case !who.May(role):
			e.write(problem.New(problem.Forbidden))
		default:
			e.who = who
			next(ctx)
		}
	}
}
