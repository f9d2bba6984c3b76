package links

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"longtail/redirector/internal/problem"
	"longtail/shared/storage"
)

// domainsFresh is how long the set of domains is believed. It is small and read whole.
const domainsFresh = 2 * time.Second

// domains is the set of all domains, as this process last read it.
type domains struct {
	store Store

	mu  sync.Mutex
	all []storage.Domain
	at  time.Time
}

// set returns the domains, read again if they are old.
func (d *domains) set(ctx context.Context) ([]storage.Domain, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil || time.Since(d.at) >= domainsFresh {
		all, err := d.store.Domains(ctx)
		if err != nil {
			return nil, fmt.Errorf("read domains: %w", err)
		}
		d.all, d.at = all, time.Now()
	}
	return d.all, nil
}

func (d *domains) find(ctx context.Context, want func(storage.Domain) bool) (storage.Domain, error) {
	all, err := d.set(ctx)
	if err != nil {
		return storage.Domain{}, err
	}
	for _, domain := range all {
		if want(domain) {
			return domain, nil
		}
	}
	return storage.Domain{}, nil
}

// given returns the domain that a caller named, or none for "". Others' domains are as unknown as those that do not
// exist; the installation's default is everybody's.
func (d *domains) given(ctx context.Context, account uint32, host string) (storage.Domain, error) {
	if host == "" {
		return storage.Domain{}, nil
	}
	host = strings.ToLower(host)
	domain, err := d.find(ctx, func(one storage.Domain) bool {
		return one.Host == host && (one.Account == account || one.Installation)
	})
	if err == nil && domain.ID == 0 {
		err = problem.New(problem.Invalid, problem.Field{Field: "domain", Rule: problem.RuleDomain, Detail: "not a domain of this account"})
	}
	return domain, err
}

// choose returns the given domain, else the campaign's, else the account's default, else the installation's.
func (d *domains) choose(ctx context.Context, account uint32, given storage.Domain, campaign uint32) (storage.Domain, error) {
	if given.ID != 0 {
		return given, nil
	}
	for _, want := range []func(storage.Domain) bool{
		func(one storage.Domain) bool { return campaign != 0 && one.ID == campaign },
		func(one storage.Domain) bool { return one.Default && one.Account == account },
		func(one storage.Domain) bool { return one.Installation },
	} {
		if domain, err := d.find(ctx, want); err != nil || domain.ID != 0 {
			return domain, err
		}
	}
	return storage.Domain{}, errors.New("the domain of the public URL is not stored; run migrate")
}

// hostOf returns a domain's host.
func (d *domains) hostOf(ctx context.Context, id uint32) (string, error) {
	domain, err := d.find(ctx, func(one storage.Domain) bool { return one.ID == id })
	if err == nil && domain.ID == 0 {
		err = fmt.Errorf("domain %d is not stored", id)
	}
	return domain.Host, err
}

// places returns the domains on which an account's code may stand, the likeliest first.
func (d *domains) places(ctx context.Context, account uint32, host string) ([]storage.Domain, error) {
	if host != "" {
		domain, err := d.find(ctx, func(one storage.Domain) bool { return one.Host == strings.ToLower(host) })
		if err != nil || domain.ID == 0 {
			return nil, err
		}
		return []storage.Domain{domain}, nil
	}
	all, err := d.set(ctx)
	if err != nil {
		return nil, err
	}
	var own, shared, rest []storage.Domain
	for _, one := range all {
		switch {
		case one.Account == account && one.Default:
			own = append(own, one)
		case one.Installation:
			shared = append(shared, one)
		case one.Account == account:
			rest = append(rest, one)
		}
	}
	return append(append(own, shared...), rest...), nil
}

// Host returns the host of a domain.
func (s *Service) Host(ctx context.Context, id uint32) (string, error) {
	return s.domains.hostOf(ctx, id)
}
