package domains

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/storage"
)

// Where the proof is looked for.
const (
	txtPrefix   = "_longtail."
	valuePrefix = "longtail-domain="
	dnsLimit    = 5 * time.Second
)

// A Resolver asks DNS. Names end with a dot. *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	// LookupCNAME returns the name at which the chain of aliases ends.
	LookupCNAME(ctx context.Context, host string) (string, error)
}

// NewResolver returns one that asks server, host:port, or the system's own resolver for "".
func NewResolver(server string) *net.Resolver {
	if server == "" {
		return &net.Resolver{PreferGo: true}
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}

// A Record is one that DNS must have.
type Record struct{ Name, Value string }

// Proofs returns the records of which one proves the domain: an alias of the public host, or a text.
func (s *Service) Proofs(d storage.Domain) (cname, txt Record) {
	return Record{d.Host, s.o.Public}, Record{txtPrefix + d.Host, valuePrefix + s.token(d.Account, d.Host)}
}

// Verify looks for the proof in DNS; the operator's word needs none. A domain that was verified stays so. DNS that does
// not answer is a problem of its own: nothing is known then.
func (s *Service) Verify(ctx context.Context, who account.Principal, owner uint32, host string) (storage.Domain, error) {
	d, err := s.Find(ctx, owner, host)
	if err != nil || d.Verified() {
		return d, err
	}
	if !who.May(account.Operator) {
		if err := s.prove(ctx, d); err != nil {
			return d, err
		}
	}
	now := time.Now().UnixMilli()
	d, err = s.o.Store.UpdateDomain(ctx, owner, d.Host, storage.DomainPatch{VerifiedMS: &now})
	return d, s.changed(ctx, err)
}

// prove returns nil if one of the records is there.
func (s *Service) prove(ctx context.Context, d storage.Domain) error {
	ctx, cancel := context.WithTimeout(ctx, dnsLimit)
	defer cancel()
	cname, txt := s.Proofs(d)
	texts, err := s.o.DNS.LookupTXT(ctx, txt.Name+".")
	if slices.Contains(texts, txt.Value) {
		return nil
	}
	silent := silence(err)
	end, err := s.o.DNS.LookupCNAME(ctx, cname.Name+".")
	if err == nil && s.leadsHere(ctx, d.Host, end) {
		return nil
	}
	if silent || silence(err) {
		return problem.With(problem.Unavailable, "DNS does not answer for this domain; try again.")
	}
	return problem.New(problem.Invalid, problem.Field{Field: "domain", Rule: problem.RuleDomainProof,
		Detail: "DNS shows neither " + txt.Name + " TXT \"" + txt.Value + "\" nor " + cname.Name + " CNAME " + cname.Value})
}

// silence tells a DNS that does not answer from one that says that there is nothing.
func silence(err error) bool {
	var no *net.DNSError
	return err != nil && (!errors.As(err, &no) || !no.IsNotFound)
}

// leadsHere reports whether an alias of host ends at the public host, or where that one's own alias ends.
func (s *Service) leadsHere(ctx context.Context, host, end string) bool {
	end = strings.ToLower(strings.TrimSuffix(end, "."))
	if end == host {
		return false // no alias
	}
	if end == s.o.Public {
		return true
	}
	own, err := s.o.DNS.LookupCNAME(ctx, s.o.Public+".")
	own = strings.ToLower(strings.TrimSuffix(own, "."))
	return err == nil && own != s.o.Public && own == end
}
