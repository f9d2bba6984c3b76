package links

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// Bounds of a campaign's fields.
const (
	maxTitle = 512 // bytes
	maxUTM   = 10
	maxValue = 256
)

var utmName = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)

// CampaignFields are what a caller says of a campaign, all at once.
type CampaignFields struct {
	Title       string
	SentMS      int64 // 0 = not sent
	UTM         map[string]string
	Domain      string // host, "" = none of its own
	RedirectAll string // where all its links lead while set
}

// A CampaignResult is a campaign with its domain's host.
type CampaignResult struct {
	storage.Campaign
	Host string // "" = no domain of its own
}

// Campaign returns an account's campaign.
func (s *Service) Campaign(ctx context.Context, who account.Principal, name string) (CampaignResult, error) {
	if !ValidCampaign(name) {
		return CampaignResult{}, link.ErrNotFound
	}
	row, err := s.store.GetCampaign(ctx, who.Account, name)
	if err != nil {
		return CampaignResult{}, fmt.Errorf("find campaign: %w", err)
	}
	return s.withHost(ctx, row)
}

func (s *Service) withHost(ctx context.Context, row storage.Campaign) (r CampaignResult, err error) {
	r.Campaign = row
	if row.Domain != 0 {
		r.Host, err = s.domains.hostOf(ctx, row.Domain)
	}
	return r, err
}

// Campaigns returns up to limit campaigns, newest first, and the place of the next page, 0 at the end.
func (s *Service) Campaigns(ctx context.Context, who account.Principal, before uint64, limit int) (page []CampaignResult, next uint64, err error) {
	rows, err := s.store.ListCampaigns(ctx, who.Account, before, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list campaigns: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	page = make([]CampaignResult, len(rows))
	for i, row := range rows {
		if page[i], err = s.withHost(ctx, row); err != nil {
			return nil, 0, err
		}
	}
	return page, next, nil
}

// PutCampaign makes a campaign or replaces all that is said of it, if it has one of the versions that the caller saw
// (nil = whatever it has).
func (s *Service) PutCampaign(ctx context.Context, who account.Principal, name string, fields CampaignFields, seen []uint32) (r CampaignResult, created bool, err error) {
	if err := checkCampaign(name, &fields); err != nil {
		return r, false, err
	}
	domain, err := s.domains.given(ctx, who.Account, fields.Domain)
	if err != nil {
		return r, false, err
	}
	now, err := s.store.GetCampaign(ctx, who.Account, name)
	if err != nil && !errors.Is(err, link.ErrNotFound) {
		return r, false, fmt.Errorf("find campaign: %w", err)
	}
	created = err != nil
	if err := s.mayReplace(ctx, who, "redirect_all", now.RedirectAll, fields.RedirectAll); err != nil {
		return r, false, err
	}
	if err := s.LeadsAway(ctx, "redirect_all", fields.RedirectAll); err != nil {
		return r, false, err
	}
	var ifVersion *uint32
	if seen != nil {
		if created || !slices.Contains(seen, now.Version) {
			return r, false, link.ErrStale
		}
		ifVersion = &now.Version
	}
	row, err := s.store.PutCampaign(ctx, storage.Campaign{
		Account: who.Account, Name: name, Title: fields.Title, Domain: domain.ID, UTM: fields.UTM, RedirectAll: fields.RedirectAll, SentMS: fields.SentMS,
	}, ifVersion)
	if err != nil {
		return r, false, fmt.Errorf("put campaign: %w", err)
	}
	s.cache.CampaignChanged(ctx, row.ID)
	r, err = s.withHost(ctx, row)
	return r, created, err
}

func checkCampaign(name string, fields *CampaignFields) error {
	var bad problem.Fields
	if !ValidCampaign(name) {
		bad.Add("campaign", problem.RuleShape, "1 to 128 of A-Z a-z 0-9 . _ : -")
	}
	checkText(&bad, "name", fields.Title, maxTitle)
	if fields.RedirectAll != "" {
		checkURLOf(&bad, "redirect_all", fields.RedirectAll)
	}
	CheckUTM(&bad, fields.UTM)
	return bad.Err()
}

// CheckUTM looks at parameters that rewriting adds to targets.
func CheckUTM(bad *problem.Fields, utm map[string]string) {
	if len(utm) > maxUTM {
		bad.Add("utm", problem.RuleLength, "at most "+strconv.Itoa(maxUTM)+" of them")
	}
	for name, value := range utm {
		if !utmName.MatchString(name) {
			bad.Add("utm", problem.RuleShape, "names of 1 to 32 of a-z 0-9 _")
		}
		checkText(bad, "utm", value, maxValue)
	}
}
