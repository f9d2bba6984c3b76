package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/check"
	"longtail/shared/link"
)

// A Checker tells what a click on a link under host would meet, and records nothing. A click that cannot be one on this
// link is a *problem.Problem.
type Checker interface {
	Check(ctx context.Context, l link.Link, host string, c check.Click) (check.Answer, error)
}

func (s *server) checkRoutes() {
	register(s, call{method: http.MethodPost, path: "/api/v1/links/{code}/check", id: "check-link",
		summary: "What a click would answer and record, without recording it", role: account.Read, body: checkBody{}, bare: true}, s.checkLink)
}

// checkBody is the click; without a body it is one on the bare tracked URL.
type checkBody struct {
	Path      string `json:"path,omitempty" doc:"With a slash in front the path as it was clicked, /{code} and what follows; without one what stands behind /{code}/. /{code} if not given."`
	Query     string `json:"query,omitempty" doc:"As it was clicked; it may stand in the path instead."`
	UserAgent string `json:"user_agent,omitempty"`
	Token     string `json:"token,omitempty" doc:"A recipient token, {recipient}.{tag}, or private; it is put behind the path."`
}

// checkView is what the click would meet.
type checkView struct {
	Status    int     `json:"status" doc:"302, 404, 410 or 503."`
	Location  *string `json:"location" doc:"null = no redirect"`
	Recorded  bool    `json:"recorded" doc:"Only a redirect to the link's target, or to its campaign's redirect_all, is a click."`
	Token     string  `json:"token" enum:"none,valid,invalid,private" doc:"As it would be recorded; none if nothing would be."`
	Recipient *string `json:"recipient" doc:"To whom the click would be credited; null = nobody"`
	Class     string  `json:"class" enum:"human,machine,unknown"`
	Rule      *string `json:"class_reason" doc:"Why the class would be machine: prefetch or crawler; null = it would not."`
	UserAgent string  `json:"user_agent" doc:"What would be kept of it."`
	Reason    string  `json:"reason" doc:"Why the status is what it is. stopped: the key that made the link, or its account; not_found: redirectors do not know the link yet."`
}

// TransformSchema lists the reasons.
func (checkView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, reason := range check.Reasons {
		s.Properties["reason"].Enum = append(s.Properties["reason"].Enum, string(reason))
	}
	return s
}

// perhaps is a document that may be missing.
type perhaps[T any] struct{ document[T] }

// Resolve reads the body, if there is one.
func (d *perhaps[T]) Resolve(ctx huma.Context) []error {
	if of(ctx.Context()).gin.Request.ContentLength == 0 {
		return nil
	}
	return d.document.Resolve(ctx)
}

type checkAnswer struct{ Body checkView }

func (s *server) checkLink(ctx context.Context, who account.Principal, in *struct {
	Which
	Doc perhaps[checkBody]
}) (*checkAnswer, error) {
	r, err := s.links.Find(ctx, who, in.Domain, in.Code)
	if err != nil {
		return nil, err
	}
	c := in.Doc.value
	a, err := s.checker.Check(ctx, r.Link, r.Host, check.Click{Path: c.Path, Query: c.Query, UserAgent: c.UserAgent, Token: c.Token})
	if err != nil {
		return nil, err
	}
	return &checkAnswer{checkView{Status: a.Status, Location: orNullText(a.Location), Recorded: a.Recorded, Token: a.Token.Word(),
		Recipient: orNullText(a.Recipient), Class: a.Class.Word(), Rule: orNullText(a.Rule.String()), UserAgent: a.UserAgent, Reason: string(a.Reason)}}, nil
}
