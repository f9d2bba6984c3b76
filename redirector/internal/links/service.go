package links

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// codeTries is how often a generated code is made again because it was taken: with 50 random bits, never in practice.
const codeTries = 3

// Options are what a Service needs.
type Options struct {
	Store Store
	Cache Cache
	Codes link.CodeKey
	Base  *url.URL // of tracked URLs; its host is the default domain
}

// A Service works with links in the name of a principal.
type Service struct {
	store   Store
	cache   Cache
	codes   link.CodeKey
	base    url.URL
	domains domains
}

// New returns a service.
func New(o Options) *Service {
	return &Service{store: o.Store, cache: o.Cache, codes: o.Codes, base: *o.Base, domains: domains{store: o.Store}}
}

// Result is what became of one draft: a link, or a problem in Err.
type Result struct {
	Link     link.Link
	Host     string // of its domain
	Existing bool
	Err      error
}

// Create makes one link, or finds the one that its ref or reuse means.
func (s *Service) Create(ctx context.Context, who account.Principal, draft Draft) (Result, error) {
	results, err := s.CreateAll(ctx, who, []Draft{draft})
	if err != nil {
		return Result{}, err
	}
	return results[0], results[0].Err
}

// CreateAll makes a chunk of links with a few statements, whatever their number. A draft that is wrong fails alone; an
// error means that the store does not answer and nothing is known of any of them.
func (s *Service) CreateAll(ctx context.Context, who account.Principal, drafts []Draft) ([]Result, error) {
	results, err := s.Store(ctx, who, drafts)
	if err == nil {
		s.Tell(ctx, results, true)
	}
	return results, err
}

// Tell writes what Store has made through to the caches: to this process's memory as well, or only to what all share. The
// many links of one request would push out of memory what is clicked.
func (s *Service) Tell(ctx context.Context, results []Result, memory bool) {
	switch fresh := created(results); {
	case len(fresh) == 0:
	case memory:
		s.cache.Warm(ctx, fresh)
	default:
		s.cache.Share(ctx, fresh)
	}
}

// Store is CreateAll for callers who tell the caches themselves, before they answer.
func (s *Service) Store(ctx context.Context, who account.Principal, drafts []Draft) ([]Result, error) {
	results := make([]Result, len(drafts))
	news := make([]storage.NewLink, 0, len(drafts))
	places := make([]int, 0, len(drafts)) // of each new link among the drafts
	m := &making{campaigns: make(map[string]storage.Campaign), foreign: make(map[uint32]bool)}
	for i := range drafts {
		wanted, host, err := s.prepare(ctx, who, &drafts[i], m)
		var told *problem.Problem
		switch {
		case errors.As(err, &told):
			results[i].Err = told
		case err != nil:
			return nil, err
		default:
			results[i].Host = host
			news, places = append(news, wanted), append(places, i)
		}
	}
	if err := s.insert(ctx, drafts, results, news, places); err != nil {
		return nil, err
	}
	return results, nil
}

// making is what one chunk has learned so far.
type making struct {
	campaigns map[string]storage.Campaign
	foreign   map[uint32]bool // domains that were marked
}

// prepare makes a draft into a link that can be stored. A *problem.Problem is the draft's fault.
func (s *Service) prepare(ctx context.Context, who account.Principal, d *Draft, m *making) (storage.NewLink, string, error) {
	if err := s.mayBe(ctx, who, d); err != nil {
		return storage.NewLink{}, "", err
	}
	given, err := s.domains.given(ctx, who.Account, d.Domain)
	if err != nil {
		return storage.NewLink{}, "", err
	}
	campaign, known := m.campaigns[d.Campaign]
	if !known {
		if campaign, err = s.store.EnsureCampaign(ctx, who.Account, d.Campaign); err != nil {
			return storage.NewLink{}, "", fmt.Errorf("ensure campaign: %w", err)
		}
		m.campaigns[d.Campaign] = campaign
	}
	domain, err := s.domains.choose(ctx, who.Account, given, campaign.Domain)
	if err != nil {
		return storage.NewLink{}, "", err
	}
	if d.Code != "" && domain.Account != who.Account {
		return storage.NewLink{}, "", problem.New(problem.Invalid, problem.Field{Field: "code", Rule: problem.RuleDomainCode,
			Detail: "codes of one's own are for domains of one's own"})
	}
	if d.Foreign {
		if err := s.hasForeign(ctx, m, domain); err != nil {
			return storage.NewLink{}, "", err
		}
	}
	code := d.Code
	if code == "" {
		code = s.codes.New()
	}
	return storage.NewLink{Reuse: d.Reuse, SameCode: d.Foreign, Link: link.Link{
		Domain: domain.ID, Code: code, Account: who.Account, Campaign: campaign.ID, CampaignName: campaign.Name, URL: d.URL,
		Ref: d.Ref, Name: d.Name, Tags: d.Tags, Forward: d.Forward, KeyID: who.Key, State: link.Live, ExpiresMS: d.ExpiresMS,
	}}, domain.Host, nil
}

// mayBe returns a problem if who may not have such a link, wherever it would stand.
func (s *Service) mayBe(ctx context.Context, who account.Principal, d *Draft) error {
	if err := d.check(); err != nil {
		return err
	}
	if err := allowed(who, "url", d.URL); err != nil {
		return err
	}
	return s.LeadsAway(ctx, "url", d.URL)
}

// insert stores the new links and puts what became of them into their places.
func (s *Service) insert(ctx context.Context, drafts []Draft, results []Result, news []storage.NewLink, places []int) error {
	for try := 1; len(news) > 0; try++ {
		made, err := s.store.CreateLinks(ctx, news)
		if err != nil {
			return fmt.Errorf("create %d links: %w", len(news), err)
		}
		var again []storage.NewLink
		var againPlaces []int
		for i, m := range made {
			r := &results[places[i]]
			generated := drafts[places[i]].Code == ""
			if errors.Is(m.Err, link.ErrTaken) && generated && try < codeTries {
				news[i].Code = s.codes.New()
				again, againPlaces = append(again, news[i]), append(againPlaces, places[i])
				continue
			}
			r.Link, r.Existing, r.Err = m.Link, m.Existing, m.Err
		}
		news, places = again, againPlaces
	}
	return s.hosts(ctx, results)
}

// hosts names the domain of existing links, which may be another one than the draft's.
func (s *Service) hosts(ctx context.Context, results []Result) error {
	for i := range results {
		if r := &results[i]; r.Existing {
			host, err := s.domains.hostOf(ctx, r.Link.Domain)
			if err != nil {
				return err
			}
			r.Host = host
		}
	}
	return nil
}

// created are the links that were not there before.
func created(results []Result) []link.Link {
	fresh := make([]link.Link, 0, len(results))
	for _, r := range results {
		if r.Err == nil && !r.Existing {
			fresh = append(fresh, r.Link)
		}
	}
	return fresh
}

// TrackedURL returns the address that a recipient clicks: the public base with the domain's host.
func (s *Service) TrackedURL(host, code string) string {
	u := s.base
	if strings.Contains(host, ":") { // an IPv6 address
		host = "[" + host + "]"
	}
	u.Host = host
	if port := s.base.Port(); port != "" {
		u.Host += ":" + port
	}
	u.Path = "/" + code
	return u.String()
}
