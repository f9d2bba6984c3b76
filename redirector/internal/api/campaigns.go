package api

import (
	"context"
	"encoding/hex"
	"net/http"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
)

func (s *server) campaignRoutes() {
	register(s, call{method: http.MethodGet, path: "/api/v1/campaigns", id: "list-campaigns", summary: "Campaigns, newest first",
		role: account.Read}, s.listCampaigns)
	register(s, call{method: http.MethodGet, path: "/api/v1/campaigns/{campaign}", id: "get-campaign", summary: "One campaign",
		role: account.Read}, s.getCampaign)
	register(s, call{method: http.MethodPut, path: "/api/v1/campaigns/{campaign}", id: "put-campaign", summary: "Make or replace a campaign",
		role: account.Write, also: http.StatusCreated, errors: []int{412}, body: campaignBody{}}, s.putCampaign)
	register(s, call{method: http.MethodGet, path: "/api/v1/campaigns/{campaign}/signing-keys", id: "signing-keys",
		summary: "Keys that sign the campaign's recipients; the first one signs, all verify", role: account.Write}, s.signingKeys)
	s.tokenRoutes()
}

// campaignBody is all that is said of a campaign: what is left out is cleared.
type campaignBody struct {
	Name        *string           `json:"name,omitempty" doc:"For people."`
	SentAt      *moment           `json:"sent_at,omitempty" nullable:"true"`
	UTM         map[string]string `json:"utm,omitempty" doc:"Parameters that rewriting adds to targets."`
	Domain      *string           `json:"domain,omitempty" doc:"Where its links are made if they name no domain."`
	RedirectAll *string           `json:"redirect_all,omitempty" doc:"While set, all its links lead here."`
}

func (b *campaignBody) fields() links.CampaignFields {
	return links.CampaignFields{Title: orZero(b.Name), SentMS: int64(orZero(b.SentAt)), UTM: b.UTM, Domain: orZero(b.Domain), RedirectAll: orZero(b.RedirectAll)}
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// campaignView is a campaign as callers see it.
type campaignView struct {
	Campaign    string            `json:"campaign"`
	Name        *string           `json:"name"`
	SentAt      *moment           `json:"sent_at" nullable:"true"`
	UTM         map[string]string `json:"utm"`
	Domain      *string           `json:"domain"`
	RedirectAll *string           `json:"redirect_all"`
	CreatedAt   moment            `json:"created_at"`
	Version     uint32            `json:"version" doc:"Counts the changes; the ETag."`
}

func viewCampaign(r links.CampaignResult) campaignView {
	return campaignView{Campaign: r.Name, Name: orNullText(r.Title), SentAt: orNull(r.SentMS), UTM: r.UTM, Domain: orNullText(r.Host),
		RedirectAll: orNullText(r.RedirectAll), CreatedAt: moment(r.CreatedMS), Version: r.Version}
}

func orNullText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// InCampaign names a campaign.
type InCampaign struct {
	Campaign string `path:"campaign"`
}

type campaignAnswer struct {
	Status int
	ETag   string `header:"ETag"`
	Body   campaignView
}

func (s *server) getCampaign(ctx context.Context, who account.Principal, in *InCampaign) (*campaignAnswer, error) {
	r, err := s.links.Campaign(ctx, who, in.Campaign)
	if err != nil {
		return nil, err
	}
	return &campaignAnswer{http.StatusOK, etag(r.Version), viewCampaign(r)}, nil
}

func (s *server) putCampaign(ctx context.Context, who account.Principal, in *struct {
	InCampaign
	IfMatch string `header:"If-Match" doc:"An ETag: replace it only if nobody else has."`
	Doc     document[campaignBody]
}) (*campaignAnswer, error) {
	r, created, err := s.links.PutCampaign(ctx, who, in.Campaign, in.Doc.value.fields(), parseIfMatch(in.IfMatch))
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return &campaignAnswer{status, etag(r.Version), viewCampaign(r)}, nil
}

type campaignPage struct{ Body page[campaignView] }

func (s *server) listCampaigns(ctx context.Context, who account.Principal, in *struct{ Paging }) (*campaignPage, error) {
	scope := "campaigns\x00" + who.Scope()
	before, limit, err := in.number(scope)
	if err != nil {
		return nil, err
	}
	found, next, err := s.links.Campaigns(ctx, who, before, limit)
	if err != nil {
		return nil, err
	}
	out := &campaignPage{page[campaignView]{Data: make([]campaignView, len(found)), Next: numberCursor(scope, next)}}
	for i, r := range found {
		out.Body.Data[i] = viewCampaign(r)
	}
	return out, nil
}

// keyView is a signing key.
type keyView struct {
	ID         string  `json:"id"`
	Hex        string  `json:"key_hex" doc:"32 bytes; tag = first 32 hex digits of HMAC-SHA256(key, lower-case recipient)."`
	ValidUntil *moment `json:"valid_until" nullable:"true" doc:"null = no end is set."`
}

type keysAnswer struct {
	Body struct {
		Keys []keyView `json:"keys"`
	}
}

// signingKeys derives the keys of any campaign that can be: platforms may sign before the first link is made.
func (s *server) signingKeys(_ context.Context, who account.Principal, in *InCampaign) (*keysAnswer, error) {
	if !links.ValidCampaign(in.Campaign) {
		return nil, problem.New(problem.NotFound)
	}
	out := &keysAnswer{}
	for _, secret := range s.secrets {
		key := link.NewCampaignKey(secret, who.Account, in.Campaign)
		out.Body.Keys = append(out.Body.Keys, keyView{ID: key.ID(), Hex: hex.EncodeToString(key[:])})
	}
	return out, nil
}
