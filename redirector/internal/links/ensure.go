package links

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

const (
	ensureChunk = 500 // links that one statement makes
	widenTries  = 10  // each that fails means that another call's went through
)

// A Wanted is a target that a mail of a campaign leads to.
type Wanted struct {
	URL     string
	Forward []string // a click must pass these parameters on, and may pass on others
}

// EnsureAll finds or makes the campaign's link of each of some distinct targets: the same target has one code in all calls.
// A link that is there and does not pass on all that is wanted learns it. What cannot be stored fails alone, in its
// result; CheckPlace says before whether anything can.
func (s *Service) EnsureAll(ctx context.Context, who account.Principal, campaign, domain string, wanted []Wanted) []Result {
	results := make([]Result, 0, len(wanted))
	var down error
	for chunk := range slices.Chunk(wanted, ensureChunk) {
		drafts := make([]Draft, len(chunk))
		for i, w := range chunk {
			drafts[i] = Draft{URL: w.URL, Campaign: campaign, Domain: domain, Forward: w.Forward, Reuse: true}
		}
		var made []Result
		if down == nil { // a store that does not answer is not asked for every chunk
			made, down = s.CreateAll(ctx, who, drafts)
		}
		if down != nil {
			made = slices.Repeat([]Result{{Err: down}}, len(chunk))
		}
		for i, r := range made {
			if r.Err == nil && r.Existing {
				made[i] = s.widen(ctx, who, r, chunk[i].Forward)
			}
		}
		results = append(results, made...)
	}
	return results
}

// Refusals returns, for each target, why EnsureAll would not make a link of it, or nil. It stores nothing.
func (s *Service) Refusals(ctx context.Context, who account.Principal, campaign string, wanted []Wanted) []error {
	refusals := make([]error, len(wanted))
	for i, w := range wanted {
		refusals[i] = s.mayBe(ctx, who, &Draft{URL: w.URL, Campaign: campaign, Forward: w.Forward, Reuse: true})
	}
	return refusals
}

// CheckPlace returns a problem if no link of who can be made in campaign on domain, "" for the usual one.
func (s *Service) CheckPlace(ctx context.Context, who account.Principal, campaign, domain string) error {
	var bad problem.Fields
	switch {
	case campaign == "":
		bad.Add("campaign", problem.RuleRequired, "the campaign whose mail it is")
	case !ValidCampaign(campaign):
		bad.Add("campaign", problem.RuleShape, "1 to 128 of A-Z a-z 0-9 . _ : -")
	}
	_, err := s.domains.given(ctx, who.Account, domain)
	if told, ok := errors.AsType[*problem.Problem](err); ok {
		bad, err = append(bad, told.Errors...), nil
	}
	return cmp.Or(bad.Err(), err)
}

// widen has an existing link pass on more parameters. Somebody else may do the same at this moment.
func (s *Service) widen(ctx context.Context, who account.Principal, r Result, names []string) Result {
	for try := 1; ; try++ {
		all := slices.Clone(r.Link.Forward)
		for _, name := range names {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
		if len(all) == len(r.Link.Forward) {
			return r
		}
		edited, err := s.Edit(ctx, who, r.Host, r.Link.Code, Edit{Forward: &all}, []uint32{r.Link.Version})
		if err == nil {
			edited.Existing = true
			return edited
		}
		if !errors.Is(err, link.ErrStale) || try == widenTries {
			return Result{Err: err}
		}
		if r, err = s.Find(ctx, who, r.Host, r.Link.Code); err != nil {
			return Result{Err: err}
		}
	}
}

// Tracks returns whether a URL leads to a tracking domain of the account, or of the installation: such a link is tracked
// already, and one to it would lead in a circle.
func (s *Service) Tracks(ctx context.Context, who account.Principal) (func(link.Target) bool, error) {
	hosts := make(map[string]bool)
	_, err := s.domains.find(ctx, func(one storage.Domain) bool {
		hosts[one.Host] = hosts[one.Host] || one.Account == who.Account && one.Verified() || one.Installation
		return false
	})
	port := s.base.Port()
	if base, err := link.NewTarget(s.base.Scheme + "://" + s.base.Host); err == nil {
		port = base.Port // none if it is the scheme's own
	}
	return func(t link.Target) bool { return t.Port == port && hosts[strings.Trim(t.Host, "[].")] }, err
}
