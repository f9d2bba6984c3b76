package domains

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// memory keeps domains in a list.
type memory struct {
	all  []storage.Domain
	lock bool
	told int
}

func (m *memory) Domains(context.Context) ([]storage.Domain, error) { return m.all, nil }

func (m *memory) GetAccount(_ context.Context, id uint32) (storage.Account, error) {
	return storage.Account{ID: id, LockHosts: m.lock}, nil
}

func (m *memory) CreateDomain(_ context.Context, want storage.Domain) (storage.Domain, error) {
	m.all = append(m.all, want)
	return want, nil
}

func (m *memory) UpdateDomain(_ context.Context, owner uint32, host string, patch storage.DomainPatch) (storage.Domain, error) {
	for i := range m.all {
		if d := &m.all[i]; d.Account == owner && d.Host == host {
			if patch.FallbackURL != nil {
				d.FallbackURL = *patch.FallbackURL
			}
			return *d, nil
		}
	}
	return storage.Domain{}, link.ErrNotFound
}

func (m *memory) DeleteDomain(context.Context, uint32, string) error { return nil }
func (m *memory) DomainsChanged(context.Context)                     { m.told++ }

// LeadsAway knows two.example, and what it is told besides.
func (m *memory) LeadsAway(_ context.Context, field, url string, also ...string) error {
	for _, host := range append(also, "two.example") {
		if strings.HasPrefix(url, "https://"+host+"/") {
			return problem.New(problem.Invalid, problem.Field{Field: field, Rule: problem.RuleURLLoop})
		}
	}
	return nil
}

var admin = account.Principal{Account: 2, Role: account.Admin}

func rule(err error) string {
	p, ok := errors.AsType[*problem.Problem](err)
	if !ok || len(p.Errors) == 0 {
		return ""
	}
	return p.Errors[0].Field + " " + p.Errors[0].Rule
}

// All redirectors hold all domains: one account must not fill their memory.
func TestDomainsOfAnAccountAreBounded(t *testing.T) {
	m := &memory{}
	s := New(Options{Store: m, Cache: m, Targets: m, Secret: []byte("secret")})
	for i := range maxDomains {
		if _, err := s.Create(t.Context(), admin, 2, fmt.Sprintf("d%d.example", i), Wish{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Create(t.Context(), admin, 2, "more.example", Wish{}); rule(err) != "domain length" {
		t.Errorf("one more: %v", err)
	}
	if _, err := s.Create(t.Context(), admin, 3, "more.example", Wish{}); err != nil || m.told != maxDomains+1 {
		t.Errorf("of another account: %v, told %d times", err, m.told)
	}
}

// What takes a link's place when it is dead follows the rules of targets.
func TestFallbackKeepsTheRulesOfTargets(t *testing.T) {
	m := &memory{all: []storage.Domain{{Account: 2, Host: "a.example", FallbackURL: "https://brand.example/sorry"}}}
	s := New(Options{Store: m, Cache: m, Targets: m, Secret: []byte("secret")})
	limited := account.Principal{Account: 2, Role: account.Admin, Hosts: "brand.example"}
	set := func(who account.Principal, url string) error {
		_, err := s.Change(t.Context(), who, 2, "A.example", Wish{FallbackURL: &url})
		return err
	}
	if err := set(limited, "https://evil.example/"); rule(err) != "fallback_url target_host" {
		t.Errorf("by a limited key: %v", err)
	}
	m.lock = true
	if err := set(admin, "https://evil.example/"); rule(err) != "fallback_url host_locked" {
		t.Errorf("in a locked account: %v", err)
	}
	m.lock = false
	for _, url := range []string{"https://a.example/gone", "https://two.example/"} {
		if err := set(admin, url); rule(err) != "fallback_url url_loop" {
			t.Errorf("on a tracking domain: %s: %v", url, err)
		}
	}
	if _, err := s.Create(t.Context(), admin, 2, "New.example", Wish{FallbackURL: new("https://new.example/")}); rule(err) != "fallback_url url_loop" {
		t.Errorf("on the domain that is claimed: %v", err)
	}
	m.lock = true
	if err := errors.Join(set(limited, "https://brand.example/new"), set(admin, "")); err != nil {
		t.Error(err)
	}
	m.lock = false
	if err := set(admin, "https://free.example/"); err != nil || m.all[0].FallbackURL != "https://free.example/" {
		t.Errorf("%+v %v", m.all[0], err)
	}
}

// The value of a record is an account's alone, and always the same.
func TestTokens(t *testing.T) {
	s, other := New(Options{Secret: []byte("secret")}), New(Options{Secret: []byte("another")})
	one := s.token(2, "a.example")
	if len(one) != 32 || one != s.token(2, "a.example") {
		t.Errorf("%q", one)
	}
	for _, different := range []string{s.token(3, "a.example"), s.token(2, "b.example"), other.token(2, "a.example")} {
		if different == one {
			t.Error("two have the same token")
		}
	}
}
