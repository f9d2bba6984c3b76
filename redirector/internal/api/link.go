package api

import (
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
)

// newLinkBody is what makes a link.
type newLinkBody struct {
	URL       string   `json:"url" doc:"Absolute http or https; stored byte for byte."`
	Campaign  *string  `json:"campaign,omitempty" doc:"1 to 128 of A-Z a-z 0-9 . _ : -; made on first use; default if not given."`
	Code      *string  `json:"code,omitempty" doc:"A code of one's own, 3 to 64 of a-z 0-9 - _, on a domain of one's own."`
	Domain    *string  `json:"domain,omitempty" doc:"Else the campaign's, the account's or the installation's default."`
	Name      string   `json:"name,omitempty"`
	Tags      []string `json:"tags,omitempty"`
	ExpiresAt moment   `json:"expires_at,omitempty"`
	Ref       *string  `json:"ref,omitempty" doc:"The caller's own id: a second create with it answers the first link."`
	Reuse     bool     `json:"reuse,omitempty" doc:"Answer the campaign's existing link of the same url, if there is one."`
	Forward   []string `json:"forward_query,omitempty" doc:"Names of query parameters that a click passes on to the target."`
}

// draft is the link that is asked for. A field that is given and empty is a mistake: leaving it out is how one says that
// it does not matter.
func (b *newLinkBody) draft() (links.Draft, error) {
	var bad problem.Fields
	for _, f := range []struct {
		name  string
		value *string
	}{{"campaign", b.Campaign}, {"code", b.Code}, {"domain", b.Domain}, {"ref", b.Ref}} {
		if f.value != nil && *f.value == "" {
			bad.Add(f.name, problem.RuleShape, "is empty; leave it out")
		}
	}
	return links.Draft{URL: b.URL, Campaign: orZero(b.Campaign), Code: orZero(b.Code), Domain: orZero(b.Domain), Name: b.Name, Tags: b.Tags,
		ExpiresMS: int64(b.ExpiresAt), Ref: orZero(b.Ref), Reuse: b.Reuse, Forward: b.Forward}, bad.Err()
}

// linkPatch is a merge patch of a link.
type linkPatch struct {
	URL       optional[string]   `json:"url,omitzero"`
	Name      optional[string]   `json:"name,omitzero"`
	Tags      optional[[]string] `json:"tags,omitzero"`
	Forward   optional[[]string] `json:"forward_query,omitzero"`
	ExpiresAt optional[moment]   `json:"expires_at,omitzero" doc:"null = never"`
	Disabled  optional[bool]     `json:"disabled,omitzero" doc:"A disabled link answers 410."`
}

func (*linkPatch) fixed() []string {
	return []string{"code", "domain", "campaign", "ref", "tracked_url", "state", "created_at", "version", "reuse"}
}

func (b *linkPatch) edit() links.Edit {
	return links.Edit{URL: b.URL.ptr(), Name: b.Name.ptr(), Tags: b.Tags.ptr(), Forward: b.Forward.ptr(),
		ExpiresMS: (*int64)(b.ExpiresAt.ptr()), Disabled: b.Disabled.ptr()}
}

// linkView is a link as callers see it.
type linkView struct {
	Code       string   `json:"code"`
	TrackedURL string   `json:"tracked_url" doc:"What recipients click; a recipient token goes behind it as /{recipient}.{tag}."`
	URL        string   `json:"url"`
	Campaign   string   `json:"campaign"`
	Domain     string   `json:"domain"`
	Name       string   `json:"name"`
	Tags       []string `json:"tags"`
	Ref        *string  `json:"ref"`
	Forward    []string `json:"forward_query"`
	State      string   `json:"state" enum:"live,disabled,deleted"`
	Disabled   bool     `json:"disabled"`
	ExpiresAt  *moment  `json:"expires_at" nullable:"true"`
	CreatedAt  moment   `json:"created_at"`
	Version    uint32   `json:"version" doc:"Counts the changes; the ETag."`

	Warnings []warningView `json:"warnings,omitempty" doc:"What is suspicious about the target; the link works all the same."`
}

// warningView is something suspicious.
type warningView struct {
	Code   string `json:"code" enum:"lookalike_host"`
	Detail string `json:"detail"`
}

var stateWords = map[link.State]string{link.Live: "live", link.Disabled: "disabled", link.Deleted: "deleted"}

func (s *server) view(r links.Result) linkView {
	l := r.Link
	v := linkView{
		Code: l.Code, TrackedURL: s.links.TrackedURL(r.Host, l.Code), URL: l.URL, Campaign: l.CampaignName, Domain: r.Host,
		Name: l.Name, Tags: list(l.Tags), Forward: list(l.Forward), State: stateWords[l.State], Disabled: l.State == link.Disabled,
		ExpiresAt: orNull(l.ExpiresMS), CreatedAt: moment(l.CreatedMS), Version: l.Version,
	}
	if l.Ref != "" {
		v.Ref = &l.Ref
	}
	for _, w := range links.Warnings(l.URL) {
		v.Warnings = append(v.Warnings, warningView(w))
	}
	return v
}

// list writes no words as [] instead of null.
func list(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}
