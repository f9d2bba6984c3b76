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

// How long the set of domains is believed; it is small and read whole. What is not in it may have been made a moment ago,
// here or elsewhere: then it is read again, but not once for every line of a bulk request.
const (
	domainsFresh = 2 * time.Second
	domainsAgain = 20 * time.Millisecond
)

// domains is the set of all domains, as this process last read it.
type domains struct {
	store Store

	mu    sync.Mutex
	all   []storage.Domain
	hosts map[string]storage.Domain // the same ones
	at    time.Time
}

// set returns the domains, read again if they are older than most.
func (d *domains) set(ctx context.Context, most time.Duration) ([]storage.Domain, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil || time.Since(d.at) >= most {
		asked := time.Now()
		all, err := d.store.Domains(ctx)
		if err != nil {
			return nil, fmt.Errorf("read domains: %w", err)
		}
		d.all, d.at, d.hosts = all, asked, make(map[string]storage.Domain, len(all))
		for _, one := range all {
			d.hosts[one.Host] = one
		}
	}
	return d.all, nil
}

// named returns the domain of a host, or none: in one look, as every link of a bulk request asks.
func (d *domains) named(ctx context.Context, host string) (storage.Domain, error) {
	if _, err := d.set(ctx, domainsFresh); err != nil {
		return storage.Domain{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hosts[host], nil
}

// forget has the set read again by whoever asks next.
func (d *domains) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = nil
}

func (d *domains) find(ctx context.Context, want func(storage.Domain) bool) (storage.Domain, error) {
	return d.findWithin(ctx, domainsFresh, want)
}

func (d *domains) findWithin(ctx context.Context, most time.Duration, want func(storage.Domain) bool) (storage.Domain, error) {
	all, err := d.set(ctx, most)
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
	usable := func(one storage.Domain) bool {
		return one.Host == host && (one.Account == account && one.Verified() || one.Installation)
	}
	domain, err := d.find(ctx, usable)
	if err == nil && domain.ID == 0 {
		domain, err = d.findWithin(ctx, domainsAgain, usable)
	}
	if err == nil && domain.ID == 0 {
		err = d.refuse(ctx, account, host)
	}
	return domain, err
}

// refuse tells why a caller cannot have the domain that he named.
func (d *domains) refuse(ctx context.Context, account uint32, host string) error {
	claimed, err := d.find(ctx, func(one storage.Domain) bool { return one.Host == host && one.Account == account })
	if err != nil {
		return err
	}
	field := problem.Field{Field: "domain", Rule: problem.RuleDomain, Detail: "not a domain of this account"}
	if claimed.ID != 0 {
		field.Rule, field.Detail = problem.RuleDomainProof, "nobody has proven yet that the domain is this account's; see domains/{domain}/verify"
	}
	return problem.New(problem.Invalid, field)
}

// choose returns the given domain, else the campaign's, else the account's default, else the installation's.
func (d *domains) choose(ctx context.Context, account uint32, given storage.Domain, campaign uint32) (storage.Domain, error) {
	if given.ID != 0 {
		return given, nil
	}
	for _, want := range []func(storage.Domain) bool{
		func(one storage.Domain) bool { return campaign != 0 && one.ID == campaign },
		func(one storage.Domain) bool { return one.Default && one.Account == account && one.Verified() },
		func(one storage.Domain) bool { return one.Installation },
	} {
		if domain, err := d.find(ctx, want); err != nil || domain.ID != 0 {
			return domain, err
		}
	}
	return storage.Domain{}, errors.New("the domain of the public URL is not stored; run migrate")
}

// goneHost stands for a domain that was deleted in the moment in which another instance put the first link on it.
const goneHost = "deleted.invalid"

// hostOf returns a domain's host.
func (d *domains) hostOf(ctx context.Context, id uint32) (string, error) {
	domain, err := d.find(ctx, func(one storage.Domain) bool { return one.ID == id })
	if err == nil && domain.ID == 0 {
		domain.Host = goneHost
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
	all, err := d.set(ctx, domainsFresh)
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

// DomainsChanged says that a domain was changed in this process: it counts from now on.
func (s *Service) DomainsChanged() { s.domains.forget() }

// Host returns the host of a domain.
func (s *Service) Host(ctx context.Context, id uint32) (string, error) {
	return s.domains.hostOf(ctx, id)
}
