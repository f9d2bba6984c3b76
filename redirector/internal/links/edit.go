package links

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// An Edit is what a caller wants changed: the fields that are not nil.
type Edit struct {
	URL       *string
	Name      *string
	Tags      *[]string
	Forward   *[]string
	ExpiresMS *int64 // 0 = never
	Disabled  *bool
}

func (e *Edit) check() error {
	var bad problem.Fields
	if e.URL != nil {
		checkURL(&bad, *e.URL)
	}
	if e.Name != nil {
		checkText(&bad, "name", *e.Name, maxName)
	}
	if e.Tags != nil {
		*e.Tags = checkTags(&bad, *e.Tags)
	}
	if e.Forward != nil {
		*e.Forward = checkForward(&bad, *e.Forward)
	}
	return bad.Err()
}

func (e *Edit) patch() storage.Patch {
	p := storage.Patch{URL: e.URL, Name: e.Name, Tags: e.Tags, Forward: e.Forward, ExpiresMS: e.ExpiresMS}
	if e.Disabled != nil {
		state := link.Live
		if *e.Disabled {
			state = link.Disabled
		}
		p.State = &state
	}
	return p
}

// Find returns an account's link. Without a host the account's default domain is looked at first, then the others on
// which it has links. A link of another account is link.ErrNotFound.
func (s *Service) Find(ctx context.Context, who account.Principal, host, code string) (Result, error) {
	code = strings.ToLower(code)
	if !link.ForeignShaped(code) {
		return Result{}, link.ErrNotFound
	}
	places, err := s.domains.places(ctx, who.Account, host)
	if err != nil {
		return Result{}, err
	}
	for _, domain := range places {
		l, err := s.store.FindLink(ctx, domain.ID, code)
		switch {
		case err == nil && l.Account == who.Account:
			return Result{Link: l, Host: domain.Host}, nil
		case err != nil && !errors.Is(err, link.ErrNotFound):
			return Result{}, fmt.Errorf("find link: %w", err)
		}
	}
	return Result{}, link.ErrNotFound
}

// Edit changes a link, if it has one of the versions that the caller saw (nil = whatever it has). A deleted link is not
// changed any more.
func (s *Service) Edit(ctx context.Context, who account.Principal, host, code string, edit Edit, seen []uint32) (Result, error) {
	if err := edit.check(); err != nil {
		return Result{}, err
	}
	r, err := s.Find(ctx, who, host, code)
	if err != nil {
		return Result{}, err
	}
	if r.Link.State == link.Deleted {
		return Result{}, problem.New(problem.Invalid, problem.Field{Field: "code", Rule: problem.RuleDeleted, Detail: "the link was deleted"})
	}
	if edit.URL != nil {
		if err := errors.Join(s.mayReplace(ctx, who, "url", r.Link.URL, *edit.URL), s.LeadsAway(ctx, "url", *edit.URL)); err != nil {
			return Result{}, err
		}
	}
	return s.update(ctx, r, edit.patch(), seen)
}

// Delete ends a link for ever: its code is never given again and its figures stay. Deleting twice is deleting once.
func (s *Service) Delete(ctx context.Context, who account.Principal, host, code string, seen []uint32) error {
	r, err := s.Find(ctx, who, host, code)
	if err != nil {
		return err
	}
	if r.Link.State == link.Deleted {
		return nil
	}
	state := link.Deleted
	_, err = s.update(ctx, r, storage.Patch{State: &state}, seen)
	return err
}

func (s *Service) update(ctx context.Context, r Result, patch storage.Patch, seen []uint32) (Result, error) {
	var ifVersion *uint32
	if seen != nil {
		if !slices.Contains(seen, r.Link.Version) {
			return Result{}, link.ErrStale
		}
		ifVersion = &r.Link.Version
	}
	l, err := s.store.UpdateLink(ctx, r.Link.Account, r.Link.ID, patch, ifVersion)
	if err != nil {
		return Result{}, fmt.Errorf("update link: %w", err)
	}
	s.cache.LinkChanged(ctx, l.ID)
	r.Link = l
	return r, nil
}

// List returns up to limit links of an account, newest first, and the place of the next page, 0 at the end.
func (s *Service) List(ctx context.Context, filter storage.LinkFilter, before uint64, limit int) (page []Result, next uint64, err error) {
	found, err := s.store.ListLinks(ctx, filter, before, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list links: %w", err)
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	page = make([]Result, len(found))
	for i, l := range found {
		host, err := s.domains.hostOf(ctx, l.Domain)
		if err != nil {
			return nil, 0, err
		}
		page[i] = Result{Link: l, Host: host}
	}
	return page, next, nil
}

// History returns the link and up to limit versions of a link, newest first, and the place of the next page, 0 at the end.
func (s *Service) History(ctx context.Context, who account.Principal, host, code string, before uint32, limit int) (r Result, page []storage.LinkVersion, next uint32, err error) {
	r, err = s.Find(ctx, who, host, code)
	if err != nil {
		return r, nil, 0, err
	}
	page, err = s.store.LinkHistory(ctx, r.Link.ID, before, limit+1)
	if err != nil {
		return r, nil, 0, fmt.Errorf("read history: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Version
	}
	return r, page, next, nil
}
