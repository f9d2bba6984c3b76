package links_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/links/linkstest"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

var (
	one   = account.Principal{Account: 1, Role: account.Write}
	two   = account.Principal{Account: 2, Role: account.Write}
	three = account.Principal{Account: 3, Role: account.Write}
)

// newService has the installation's domain, two of account 2, the second its default, and none of account 3.
func newService(t *testing.T) (*links.Service, *linkstest.Memory) {
	t.Helper()
	m := linkstest.New("go.example")
	m.Hosts = append(m.Hosts, storage.Domain{ID: 2, Account: 2, Host: "plain.example", VerifiedMS: 1},
		storage.Domain{ID: 3, Account: 2, Host: "two.example", Default: true, VerifiedMS: 1}, storage.Domain{ID: 4, Account: 3, Host: "claimed.example", Default: true})
	base, _ := url.Parse("https://go.example:8443")
	return links.New(links.Options{Store: m, Cache: m, Base: base}), m
}

func TestDomainOfALink(t *testing.T) {
	s, _ := newService(t)
	if _, _, err := s.PutCampaign(t.Context(), two, "own", links.CampaignFields{Domain: "plain.example"}, nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		who   account.Principal
		draft links.Draft
		want  string // host, or the rule
	}{
		"installation's":     {one, links.Draft{}, "go.example"},
		"none of one's own":  {three, links.Draft{}, "go.example"},
		"account's default":  {two, links.Draft{}, "two.example"},
		"campaign's":         {two, links.Draft{Campaign: "own"}, "plain.example"},
		"given":              {two, links.Draft{Campaign: "own", Domain: "TWO.example"}, "two.example"},
		"given, shared":      {two, links.Draft{Domain: "go.example"}, "go.example"},
		"not proven":         {three, links.Draft{Domain: "claimed.example"}, "domain_proof"},
		"another's claim":    {two, links.Draft{Domain: "claimed.example"}, "domain"},
		"another's":          {three, links.Draft{Domain: "two.example"}, "domain"},
		"unknown":            {two, links.Draft{Domain: "no.example"}, "domain"},
		"own code, own":      {two, links.Draft{Code: "Mine"}, "two.example"},
		"own code, shared":   {two, links.Draft{Code: "mine", Domain: "go.example"}, "domain_code"},
		"own code, none own": {three, links.Draft{Code: "mine"}, "domain_code"},
		"own code, first":    {one, links.Draft{Code: "mine"}, "go.example"},
	} {
		c.draft.URL = "https://a.example"
		r, err := s.Create(t.Context(), c.who, c.draft)
		got := r.Host
		if p, ok := errors.AsType[*problem.Problem](err); ok {
			got = p.Errors[0].Rule
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s (%v)", name, got, c.want, err)
		}
	}
}

func TestTheSameCodeOnTwoDomains(t *testing.T) {
	s, _ := newService(t)
	for _, host := range []string{"two.example", "plain.example"} {
		if _, err := s.Create(t.Context(), two, links.Draft{URL: "https://" + host + ".target.example", Code: "same", Domain: host}); err != nil {
			t.Fatal(err)
		}
	}
	for host, want := range map[string]string{"": "two.example", "two.example": "two.example", "plain.example": "plain.example"} {
		r, err := s.Find(t.Context(), two, host, "SAME")
		if err != nil || r.Host != want || r.Link.URL != "https://"+want+".target.example" {
			t.Errorf("%q: %+v %v", host, r, err)
		}
	}
	for _, host := range []string{"", "two.example", "no.example"} {
		if _, err := s.Find(t.Context(), three, host, "same"); !errors.Is(err, link.ErrNotFound) {
			t.Errorf("%q for another account: %v", host, err)
		}
	}
}

func TestTrackedURL(t *testing.T) {
	s, _ := newService(t)
	if got := s.TrackedURL("two.example", "abc"); got != "https://two.example:8443/abc" {
		t.Error(got)
	}
	if got := s.TrackedURL("2001:db8::1", "abc"); got != "https://[2001:db8::1]:8443/abc" {
		t.Error(got)
	}
}

// takenOnce says of the first generated code that it is taken.
type takenOnce struct {
	*linkstest.Memory
	calls int
}

func (m *takenOnce) CreateLinks(ctx context.Context, news []storage.NewLink) ([]storage.CreateResult, error) {
	m.calls++
	if m.calls == 1 {
		return []storage.CreateResult{{Err: link.ErrTaken}}, nil
	}
	return m.Memory.CreateLinks(ctx, news)
}

func TestATakenGeneratedCodeIsMadeAgain(t *testing.T) {
	_, memory := newService(t)
	m := &takenOnce{Memory: memory}
	base, _ := url.Parse("https://go.example")
	s := links.New(links.Options{Store: m, Cache: m, Base: base})
	if r, err := s.Create(t.Context(), one, links.Draft{URL: "https://a.example"}); err != nil || r.Link.Code == "" || m.calls != 2 || m.Warmed != 1 {
		t.Errorf("%+v %v after %d calls", r, err, m.calls)
	}
	m.calls = 0
	if _, err := s.Create(t.Context(), one, links.Draft{URL: "https://a.example", Code: "mine"}); !errors.Is(err, link.ErrTaken) || m.calls != 1 {
		t.Errorf("%v after %d calls", err, m.calls)
	}
}

func TestAChunkFailsWholeOnlyWhenTheStoreIsDown(t *testing.T) {
	s, m := newService(t)
	drafts := []links.Draft{{URL: "https://a.example/1"}, {URL: "nothing"}, {URL: "https://a.example/3"}}
	results, err := s.CreateAll(t.Context(), one, drafts)
	if err != nil || results[0].Err != nil || results[1].Err == nil || results[2].Link.URL != "https://a.example/3" || m.Warmed != 2 {
		t.Errorf("%+v %v", results, err)
	}
	m.Down = errors.New("connection refused")
	if _, err := s.CreateAll(t.Context(), one, drafts); !errors.Is(err, m.Down) {
		t.Error(err)
	}
}

func TestCampaignRules(t *testing.T) {
	s, _ := newService(t)
	for rule, fields := range map[string]links.CampaignFields{
		"name length":              {Title: strings.Repeat("x", 513)},
		"name shape":               {Title: "a\n"},
		"redirect_all url_scheme":  {RedirectAll: "javascript:alert(1)"},
		"utm shape":                {UTM: map[string]string{"Source": "x"}},
		"utm length":               {UTM: map[string]string{"source": strings.Repeat("x", 257)}},
		"domain domain":            {Domain: "no.example"},
		"redirect_all url_control": {RedirectAll: "https://a.example/\n"},
	} {
		_, _, err := s.PutCampaign(t.Context(), one, "c", fields, nil)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Errors[0].Field+" "+p.Errors[0].Rule != rule {
			t.Errorf("%s: %+v", rule, p)
		}
	}
	if _, _, err := s.PutCampaign(t.Context(), one, "a b", links.CampaignFields{}, nil); err == nil {
		t.Error("a campaign with a space was made")
	}
	if _, _, err := s.PutCampaign(t.Context(), one, "new", links.CampaignFields{}, []uint32{1}); !errors.Is(err, link.ErrStale) {
		t.Errorf("If-Match on a campaign that is not there: %v", err)
	}
}

// TestHostsOfTargets: S19: what a key or an account does not allow is refused by every way that a target can come.
func TestHostsOfTargets(t *testing.T) {
	s, m := newService(t)
	limited := account.Principal{Account: 1, Role: account.Write, Hosts: "shop.example *.shop.example"}
	rule := func(err error) string {
		p, ok := errors.AsType[*problem.Problem](err)
		if !ok || len(p.Errors) == 0 {
			return ""
		}
		return p.Errors[0].Field + " " + p.Errors[0].Rule
	}
	l, err := s.Create(t.Context(), limited, links.Draft{URL: "https://Shop.Example:8443/x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), limited, links.Draft{URL: "https://evil.example/"}); rule(err) != "url target_host" {
		t.Errorf("create: %v", err)
	}
	edit := func(who account.Principal, url string) error {
		_, err := s.Edit(t.Context(), who, "", l.Link.Code, links.Edit{URL: &url}, nil)
		return err
	}
	all := func(who account.Principal, url string) error {
		_, _, err := s.PutCampaign(t.Context(), who, "default", links.CampaignFields{RedirectAll: url}, nil)
		return err
	}
	if err := edit(limited, "https://evil.example/"); rule(err) != "url target_host" {
		t.Errorf("edit: %v", err)
	}
	if err := all(limited, "https://evil.example/"); rule(err) != "redirect_all target_host" {
		t.Errorf("redirect_all: %v", err)
	}
	if err := errors.Join(edit(limited, "https://www.shop.example/"), all(limited, "https://shop.example/down"), edit(one, "https://free.example/")); err != nil {
		t.Error(err)
	}
	m.Lock(1)
	if err := edit(one, "https://evil.example/"); rule(err) != "url host_locked" {
		t.Errorf("edit in a locked account: %v", err)
	}
	if err := all(one, "https://evil.example/"); rule(err) != "redirect_all host_locked" {
		t.Errorf("redirect_all in a locked account: %v", err)
	}
	if err := errors.Join(edit(one, "http://FREE.example:99/other"), all(one, "https://shop.example/up"), all(one, "")); err != nil {
		t.Errorf("the same host in a locked account: %v", err)
	}
}

// A domain counts from the moment in which it is there, though it was looked for before.
func TestNewDomainCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newService(t)
		draft := links.Draft{URL: "https://a.example/", Domain: "late.example"}
		if _, err := s.Create(t.Context(), two, draft); err == nil {
			t.Fatal("a link on a domain that is not there")
		}
		m.Hosts = append(m.Hosts, storage.Domain{ID: 9, Account: 2, Host: "late.example", VerifiedMS: 1})
		time.Sleep(20 * time.Millisecond) // another instance has made it
		if r, err := s.Create(t.Context(), two, draft); err != nil || r.Host != "late.example" {
			t.Errorf("%+v %v", r, err)
		}
		m.Hosts = append(m.Hosts, storage.Domain{ID: 10, Account: 2, Host: "own.example", VerifiedMS: 1})
		s.DomainsChanged() // this one has
		draft.Domain = "own.example"
		if r, err := s.Create(t.Context(), two, draft); err != nil || r.Host != "own.example" {
			t.Errorf("%+v %v", r, err)
		}
	})
}
