// Package domains lets accounts bring hosts of their own under which their links are clicked, and has them prove that
// the hosts are theirs.
//
// Place on the click's way: before it. What this room stores, resolve holds whole.
package domains

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

const (
	maxHost    = 253  // bytes
	maxDomains = 1000 // of one account: all redirectors hold all domains in memory
)

// Store keeps domains. What changes one is history and audit in the same transaction. A domain that is not the account's
// is link.ErrNotFound.
type Store interface {
	Domains(ctx context.Context) ([]storage.Domain, error)
	GetAccount(ctx context.Context, id uint32) (storage.Account, error)
	// CreateDomain is link.ErrTaken for a host that an account has proven; a claim that another one only made gives way.
	CreateDomain(ctx context.Context, want storage.Domain) (storage.Domain, error)
	UpdateDomain(ctx context.Context, account uint32, host string, patch storage.DomainPatch) (storage.Domain, error)
	// DeleteDomain is storage.ErrDomainInUse while a link stands on it.
	DeleteDomain(ctx context.Context, account uint32, host string) error
}

// A Cache is told that a domain was changed, so that redirectors need not wait for their next look.
type Cache interface{ DomainsChanged(ctx context.Context) }

// Options are what a Service needs.
type Options struct {
	Store   Store
	Cache   Cache
	DNS     Resolver
	Targets Targets
	Public  string // host of the public URL: where a CNAME leads
	Secret  []byte // makes the values of TXT records
}

// A Service works with the domains of an account, which its callers have chosen for a principal.
type Service struct{ o Options }

// New returns a service.
func New(o Options) *Service { return &Service{o} }

// A Wish is what is to be of a domain: the fields that are not nil.
type Wish struct {
	Default     *bool
	FallbackURL *string // "" = none: dead links answer 410
}

// List returns an account's domains, the oldest first.
func (s *Service) List(ctx context.Context, owner uint32) ([]storage.Domain, error) {
	all, err := s.o.Store.Domains(ctx)
	if err != nil {
		return nil, fmt.Errorf("list domains: %w", err)
	}
	var own []storage.Domain
	for _, one := range all {
		if one.Account == owner {
			own = append(own, one)
		}
	}
	return own, nil
}

// Find returns a domain of an account.
func (s *Service) Find(ctx context.Context, owner uint32, host string) (storage.Domain, error) {
	own, err := s.List(ctx, owner)
	if err != nil {
		return storage.Domain{}, err
	}
	for _, one := range own {
		if one.Host == strings.ToLower(host) {
			return one, nil
		}
	}
	return storage.Domain{}, link.ErrNotFound
}

// Create claims a host for an account. Nothing stands on it before Verify, unless the operator asks: his word is proof.
func (s *Service) Create(ctx context.Context, who account.Principal, owner uint32, host string, wish Wish) (storage.Domain, error) {
	var bad problem.Fields
	host = checkHost(&bad, host)
	checkFallback(&bad, who, wish)
	if err := bad.Err(); err != nil {
		return storage.Domain{}, err
	}
	if err := s.leadsAway(ctx, host, wish); err != nil {
		return storage.Domain{}, err
	}
	if own, err := s.List(ctx, owner); err != nil {
		return storage.Domain{}, err
	} else if len(own) >= maxDomains {
		bad.Add("domain", problem.RuleLength, "an account has at most 1000 domains")
		return storage.Domain{}, bad.Err()
	}
	want := storage.Domain{Account: owner, Host: host, VerifyToken: s.token(owner, host)}
	if wish.Default != nil {
		want.Default = *wish.Default
	}
	if wish.FallbackURL != nil {
		want.FallbackURL = *wish.FallbackURL
	}
	if who.May(account.Operator) {
		want.VerifiedMS = time.Now().UnixMilli()
	}
	made, err := s.o.Store.CreateDomain(ctx, want)
	if errors.Is(err, link.ErrTaken) {
		p := problem.With(problem.Taken, "The domain belongs to an account already.")
		p.Errors = append(p.Errors, problem.Field{Field: "domain", Rule: problem.RuleTaken, Detail: p.Detail})
		return made, p
	}
	return made, s.changed(ctx, err)
}

// Change makes a domain its account's default, or not any more, and says where the clickers of its dead links go.
func (s *Service) Change(ctx context.Context, who account.Principal, owner uint32, host string, wish Wish) (storage.Domain, error) {
	var bad problem.Fields
	checkFallback(&bad, who, wish)
	if err := bad.Err(); err != nil {
		return storage.Domain{}, err
	}
	now, err := s.Find(ctx, owner, host)
	if err != nil {
		return now, err
	}
	if err := s.leadsAway(ctx, now.Host, wish); err != nil {
		return now, err
	}
	if err := s.mayReplace(ctx, now, wish.FallbackURL); err != nil {
		return now, err
	}
	now, err = s.o.Store.UpdateDomain(ctx, owner, now.Host, storage.DomainPatch{Default: wish.Default, FallbackURL: wish.FallbackURL})
	return now, s.changed(ctx, err)
}

// mayReplace returns a problem if the account's targets keep their hosts: whoever could end a link and send its clickers
// elsewhere would have changed it.
func (s *Service) mayReplace(ctx context.Context, now storage.Domain, fallback *string) error {
	if fallback == nil || account.SameHost(now.FallbackURL, *fallback) {
		return nil
	}
	owner, err := s.o.Store.GetAccount(ctx, now.Account)
	if err == nil && owner.LockHosts {
		err = problem.New(problem.Invalid, problem.Field{Field: "fallback_url", Rule: problem.RuleHostLocked, Detail: account.LockedDetail})
	}
	return err
}

// Delete removes a domain on which no link ever stood.
func (s *Service) Delete(ctx context.Context, owner uint32, host string) error {
	err := s.o.Store.DeleteDomain(ctx, owner, strings.ToLower(host))
	if errors.Is(err, storage.ErrDomainInUse) {
		return problem.New(problem.Invalid, problem.Field{Field: "domain", Rule: problem.RuleDomainUsed,
			Detail: "links or campaigns stand on it, or it is the installation's; its codes answer for ever"})
	}
	return s.changed(ctx, err)
}

// changed tells the cache of what was done.
func (s *Service) changed(ctx context.Context, err error) error {
	if err == nil {
		s.o.Cache.DomainsChanged(ctx)
	}
	return err
}

// token is what the TXT record of a host says for an account: always the same, so that a claim that was lost to another
// account's can be made again without a change of DNS.
func (s *Service) token(owner uint32, host string) string {
	mac := hmac.New(sha256.New, s.o.Secret)
	mac.Write([]byte("longtail domain 1\x00" + strconv.FormatUint(uint64(owner), 10) + "\x00" + host))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// hostName is a name of at least two labels as DNS and certificates know it; the last one is no number, so it is no address.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkHost returns a host in lower case.
func checkHost(bad *problem.Fields, host string) string {
	host = strings.ToLower(host)
	switch {
	case host == "":
		bad.Add("domain", problem.RuleRequired, "the host, such as click.example.com")
	case len(host) > maxHost || !hostName.MatchString(host):
		bad.Add("domain", problem.RuleShape, "a host such as click.example.com, in DNS's own letters (xn--...), without port")
	}
	return host
}
