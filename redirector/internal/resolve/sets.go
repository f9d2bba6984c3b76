package resolve

import (
	"strings"

	"longtail/shared/link"
)

// A Domain is a host under which links are clicked.
type Domain struct {
	ID           uint32
	Account      uint32
	Host         string // lower case, without port
	FallbackURL  string // where a dead link's clicker is sent; "" = 410
	Default      bool   // the installation's own domain: stands for every unknown host
	ForeignCodes bool   // has imported codes: the check of generated codes is not applied
}

// sets are the small sets that are held whole. One pointer is swapped when they are read again, so that one row of
// the database switches a million links.
type sets struct {
	Seq             uint64 // changes.seq up to which the sets are known to be true
	Domains         []Domain
	StoppedKeys     [][8]byte
	StoppedAccounts []uint32
	RedirectAll     map[uint64]string // by campaign

	hosts    map[string]*Domain
	ids      map[uint32]*Domain
	fallback *Domain // the default domain
	keys     map[[8]byte]bool
	accounts map[uint32]bool
}

// index builds what the hot path reads.
func (s *sets) index() *sets {
	s.hosts, s.ids = make(map[string]*Domain, len(s.Domains)), make(map[uint32]*Domain, len(s.Domains))
	s.keys, s.accounts = make(map[[8]byte]bool, len(s.StoppedKeys)), make(map[uint32]bool, len(s.StoppedAccounts))
	s.fallback = &Domain{}
	for i := range s.Domains {
		d := &s.Domains[i]
		s.hosts[d.Host], s.ids[d.ID] = d, d
		if d.Default {
			s.fallback = d
		}
	}
	for _, id := range s.StoppedKeys {
		s.keys[id] = true
	}
	for _, id := range s.StoppedAccounts {
		s.accounts[id] = true
	}
	return s
}

// apply puts the small sets over a target: a stopped key or account disables its links, a campaign's redirect_all
// replaces the target of those that live.
func (s *sets) apply(t Target) Target {
	if len(s.keys) > 0 && s.keys[t.KeyID] || len(s.accounts) > 0 && s.accounts[t.Account] {
		t.State = link.Disabled
	}
	if len(s.RedirectAll) > 0 {
		if url := s.RedirectAll[t.Campaign]; url != "" {
			t.URL, t.Forward = url, nil
		}
	}
	return t
}

// Domain returns the domain of a Host header: lower case, without port and final dot; a host that belongs to nobody
// is the default domain. Its ID is 0 while no domain is known yet. The result must not be changed.
func (r *Resolver) Domain(host string) *Domain {
	s := r.sets.Load()
	if s == nil {
		return &unknownDomain
	}
	if d := s.hosts[host]; d != nil { // the usual case costs one lookup
		return d
	}
	if d := s.hosts[normalHost(host)]; d != nil {
		return d
	}
	return s.fallback
}

var unknownDomain Domain

func normalHost(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
