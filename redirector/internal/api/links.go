package api

import (
	"context"
	"net/http"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/shared/storage"
)

func (s *server) linkRoutes() {
	register(s, call{method: http.MethodPost, path: "/api/v1/links", id: "create-link", summary: "Make a tracked link",
		role: account.Write, status: http.StatusCreated, also: http.StatusOK, errors: []int{409}, body: newLinkBody{}, once: true}, s.createLink)
	register(s, call{method: http.MethodGet, path: "/api/v1/links", id: "list-links", summary: "Links of the account, newest first",
		role: account.Read}, s.listLinks)
	register(s, call{method: http.MethodGet, path: "/api/v1/links/{code}", id: "get-link", summary: "One link", role: account.Read}, s.getLink)
	register(s, call{method: http.MethodPatch, path: "/api/v1/links/{code}", id: "edit-link", summary: "Change a link (merge patch)",
		role: account.Write, errors: []int{412}, body: linkPatch{}, media: "application/merge-patch+json"}, s.editLink)
	register(s, call{method: http.MethodDelete, path: "/api/v1/links/{code}", id: "delete-link", summary: "End a link for ever; its figures stay",
		role: account.Write, status: http.StatusNoContent, errors: []int{412}}, s.deleteLink)
	register(s, call{method: http.MethodGet, path: "/api/v1/links/{code}/history", id: "link-history", summary: "How a link was before its changes, newest first",
		role: account.Read}, s.linkHistory)
	register(s, call{method: http.MethodPost, path: "/api/v1/links/bulk", id: "create-links", summary: "Make many links, one JSON object a line",
		role: account.Write, body: newLinkBody{}, media: linesTypes[0], answers: linesTypes[0]}, s.bulk)
	s.importRoutes()
}

// Which names a link. It is exported because huma looks into exported fields only, as is Paging.
type Which struct {
	Code   string `path:"code"`
	Domain string `query:"domain" doc:"The link's domain, if the code stands on several."`
}

type linkAnswer struct {
	Status int
	ETag   string `header:"ETag"`
	Body   linkView
}

func (s *server) linkAnswer(status int, r links.Result) *linkAnswer {
	return &linkAnswer{status, etag(r.Link.Version), s.view(r)}
}

func (s *server) createLink(ctx context.Context, who account.Principal, in *struct {
	Key string `header:"Idempotency-Key" doc:"The same key with the same body within 24 h gets the same answer."`
	Doc document[newLinkBody]
}) (*linkAnswer, error) {
	draft, err := in.Doc.value.draft()
	if err != nil {
		return nil, err
	}
	r, err := s.links.Create(ctx, who, draft)
	if err != nil {
		return nil, err
	}
	if r.Existing {
		return s.linkAnswer(http.StatusOK, r), nil
	}
	return s.linkAnswer(http.StatusCreated, r), nil
}

func (s *server) getLink(ctx context.Context, who account.Principal, in *Which) (*linkAnswer, error) {
	r, err := s.links.Find(ctx, who, in.Domain, in.Code)
	if err != nil {
		return nil, err
	}
	return s.linkAnswer(http.StatusOK, r), nil
}

func (s *server) editLink(ctx context.Context, who account.Principal, in *struct {
	Which
	IfMatch string `header:"If-Match" doc:"An ETag: change it only if nobody else has."`
	Doc     document[linkPatch]
}) (*linkAnswer, error) {
	r, err := s.links.Edit(ctx, who, in.Domain, in.Code, in.Doc.value.edit(), parseIfMatch(in.IfMatch))
	if err != nil {
		return nil, err
	}
	return s.linkAnswer(http.StatusOK, r), nil
}

func (s *server) deleteLink(ctx context.Context, who account.Principal, in *struct {
	Which
	IfMatch string `header:"If-Match" doc:"An ETag: delete it only if nobody else changed it."`
}) (*struct{}, error) {
	return nil, s.links.Delete(ctx, who, in.Domain, in.Code, parseIfMatch(in.IfMatch))
}

type linkPage struct{ Body page[linkView] }

func (s *server) listLinks(ctx context.Context, who account.Principal, in *struct {
	Campaign string `query:"campaign"`
	Tag      string `query:"tag"`
	Query    string `query:"q" doc:"Text within code, url or name; capitals do not matter (in allinone those of A to Z)."`
	Paging
}) (*linkPage, error) {
	scope := "links\x00" + who.Scope() + "\x00" + in.Campaign + "\x00" + in.Tag + "\x00" + in.Query
	before, limit, err := in.number(scope)
	if err != nil {
		return nil, err
	}
	found, next, err := s.links.List(ctx, storage.LinkFilter{Account: who.Account, Campaign: in.Campaign, Tag: in.Tag, Query: in.Query}, before, limit)
	if err != nil {
		return nil, err
	}
	out := &linkPage{page[linkView]{Data: make([]linkView, len(found)), Next: numberCursor(scope, next)}}
	for i, r := range found {
		out.Body.Data[i] = s.view(r)
	}
	return out, nil
}

// versionView is one entry of a link's history.
type versionView struct {
	Version uint32   `json:"version" doc:"The version that the change made."`
	At      moment   `json:"at"`
	Before  linkView `json:"before" doc:"The link before the change."`
}

type historyPage struct{ Body page[versionView] }

func (s *server) linkHistory(ctx context.Context, who account.Principal, in *struct {
	Which
	Paging
}) (*historyPage, error) {
	scope := "history\x00" + who.Scope() + "\x00" + in.Domain + "\x00" + in.Code
	before, limit, err := in.number(scope)
	if err != nil {
		return nil, err
	}
	r, found, next, err := s.links.History(ctx, who, in.Domain, in.Code, uint32(before), limit)
	if err != nil {
		return nil, err
	}
	out := &historyPage{page[versionView]{Data: make([]versionView, len(found)), Next: numberCursor(scope, uint64(next))}}
	for i, v := range found {
		out.Body.Data[i] = versionView{v.Version, moment(v.AtMS), s.view(links.Result{Link: v.Before, Host: r.Host})}
	}
	return out, nil
}
