package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/domains"
	"longtail/shared/storage"
)

func (s *server) domainRoutes() {
	register(s, call{method: http.MethodPost, path: "/api/v1/domains", id: "create-domain",
		summary: "Claim a host; nothing stands on it before it is verified. What the operator claims is verified at once",
		role:    account.Admin, status: http.StatusCreated, errors: []int{409}, body: newDomainBody{}, once: true}, s.createDomain)
	register(s, call{method: http.MethodGet, path: "/api/v1/domains", id: "list-domains", summary: "Domains of the account, the oldest first",
		role: account.Read}, s.listDomains)
	register(s, call{method: http.MethodGet, path: "/api/v1/domains/{domain}", id: "get-domain", summary: "One domain, with the DNS records of which one proves it",
		role: account.Read}, s.getDomain)
	register(s, call{method: http.MethodPatch, path: "/api/v1/domains/{domain}", id: "edit-domain", summary: "Change a domain (merge patch)",
		role: account.Admin, body: domainPatch{}, media: "application/merge-patch+json"}, s.editDomain)
	register(s, call{method: http.MethodDelete, path: "/api/v1/domains/{domain}", id: "delete-domain",
		summary: "Give up a domain on which no link was ever made", role: account.Admin, status: http.StatusNoContent}, s.deleteDomain)
	register(s, call{method: http.MethodPost, path: "/api/v1/domains/{domain}/verify", id: "verify-domain",
		summary: "Look for the proof in DNS. The operator's word needs none", role: account.Admin}, s.verifyDomain)
}

type newDomainBody struct {
	Domain      string  `json:"domain" doc:"The host, such as click.example.com."`
	Default     *bool   `json:"default,omitempty" doc:"Of the account: links that name no domain are made on it."`
	FallbackURL *string `json:"fallback_url,omitempty" doc:"Where the clickers of expired, disabled and deleted links are sent; else they get 410."`
}

// domainPatch is a merge patch of a domain.
type domainPatch struct {
	Default     optional[bool]   `json:"default,omitzero"`
	FallbackURL optional[string] `json:"fallback_url,omitzero" doc:"null = dead links answer 410"`
}

func (*domainPatch) fixed() []string {
	return []string{"domain", "account", "verified", "verified_at", "verification", "created_at", "foreign_codes", "installation"}
}

// domainView is a domain as callers see it.
type domainView struct {
	Domain       string     `json:"domain"`
	Account      uint32     `json:"account"`
	Default      bool       `json:"default"`
	Installation bool       `json:"installation" doc:"The host of the public URL: also stands for every host that is nobody's."`
	FallbackURL  *string    `json:"fallback_url"`
	ForeignCodes bool       `json:"foreign_codes" doc:"It has codes of another tracker."`
	Verified     bool       `json:"verified" doc:"Until then no link is made on it and no click is answered under it."`
	VerifiedAt   *moment    `json:"verified_at" nullable:"true"`
	Verification proofsView `json:"verification" doc:"One of these DNS records is the proof."`
	CreatedAt    moment     `json:"created_at"`
}

type proofsView struct {
	CNAME recordView `json:"cname"`
	TXT   recordView `json:"txt"`
}

type recordView struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (s *server) viewDomain(d storage.Domain) domainView {
	cname, txt := s.domains.Proofs(d)
	return domainView{Domain: d.Host, Account: d.Account, Default: d.Default, Installation: d.Installation, FallbackURL: orNullText(d.FallbackURL),
		ForeignCodes: d.ForeignCodes, Verified: d.Verified(), VerifiedAt: orNull(d.VerifiedMS), CreatedAt: moment(d.CreatedMS),
		Verification: proofsView{recordView(cname), recordView(txt)}}
}

type domainAnswer struct{ Body domainView }

func (s *server) answerDomain(d storage.Domain, err error) (*domainAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &domainAnswer{s.viewDomain(d)}, nil
}

func (s *server) createDomain(ctx context.Context, who account.Principal, in *struct {
	ForAccount
	Key string `header:"Idempotency-Key" doc:"The same key with the same body within 24 h gets the same answer."`
	Doc document[newDomainBody]
}) (*domainAnswer, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	b := in.Doc.value
	return s.answerDomain(s.domains.Create(ctx, who, owner, b.Domain, domains.Wish{Default: b.Default, FallbackURL: b.FallbackURL}))
}

// WhichDomain names a domain.
type WhichDomain struct {
	ForAccount
	Domain string `path:"domain"`
}

func (s *server) getDomain(ctx context.Context, who account.Principal, in *WhichDomain) (*domainAnswer, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	return s.answerDomain(s.domains.Find(ctx, owner, in.Domain))
}

func (s *server) editDomain(ctx context.Context, who account.Principal, in *struct {
	WhichDomain
	Doc document[domainPatch]
}) (*domainAnswer, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	p := in.Doc.value
	return s.answerDomain(s.domains.Change(ctx, who, owner, in.Domain, domains.Wish{Default: p.Default.ptr(), FallbackURL: p.FallbackURL.ptr()}))
}

func (s *server) deleteDomain(ctx context.Context, who account.Principal, in *WhichDomain) (*struct{}, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	return nil, s.domains.Delete(ctx, owner, in.Domain)
}

func (s *server) verifyDomain(ctx context.Context, who account.Principal, in *WhichDomain) (*domainAnswer, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	return s.answerDomain(s.domains.Verify(ctx, who, owner, in.Domain))
}

type domainPage struct{ Body page[domainView] }

func (s *server) listDomains(ctx context.Context, who account.Principal, in *struct {
	ForAccount
	Paging
}) (*domainPage, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	scope := "domains\x00" + strconv.FormatUint(uint64(owner), 10)
	after, limit, err := in.number(scope)
	if err != nil {
		return nil, err
	}
	all, err := s.domains.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(d storage.Domain) bool { return uint64(d.ID) <= after })
	out := &domainPage{page[domainView]{Data: []domainView{}}}
	if len(all) > limit {
		all = all[:limit]
		out.Body.Next = numberCursor(scope, uint64(all[limit-1].ID))
	}
	for _, d := range all {
		out.Body.Data = append(out.Body.Data, s.viewDomain(d))
	}
	return out, nil
}
