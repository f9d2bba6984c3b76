package edge

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/redirector/internal/resolve"
	"longtail/shared/click"
	"longtail/shared/link"
)

const (
	code   = "zk3v9q7m2c4x"
	token  = "r-18273.d240fec7273c2d14b5dba4365108172e"
	target = "https://shop.example/a%2Fb?x=1&y=%20#top"
)

// links is a Resolver over a map.
type links struct {
	domains map[string]*resolve.Domain
	targets map[string]resolve.Target
	err     error // instead of any answer
	lookups int
}

func (l *links) Domain(host string) *resolve.Domain {
	if d := l.domains[host]; d != nil {
		return d
	}
	return l.domains[""]
}

func (l *links) Resolve(_ context.Context, _ uint32, code string) (resolve.Target, error) {
	l.lookups++
	if l.err != nil {
		return resolve.Target{}, l.err
	}
	t, ok := l.targets[code]
	if !ok {
		return t, link.ErrNotFound
	}
	return t, nil
}

// pages is a Journal that remembers the last click.
type pages struct {
	last  click.Click
	count int
	err   error
}

func (p *pages) Append(c *click.Click) error {
	p.last = *c
	p.count++
	return p.err
}

func newLinks() *links {
	live := resolve.Target{ID: 7, Campaign: 8, Account: 1, Domain: 3, Ordinal: 5, State: link.Live, Code: code, URL: target}
	expired, disabled, deleted, later, forwarding := live, live, live, live, live
	expired.ExpiresMS = time.Now().Add(-time.Second).UnixMilli()
	later.ExpiresMS = time.Now().Add(time.Hour).UnixMilli()
	disabled.State, deleted.State = link.Disabled, link.Deleted
	forwarding.Forward = []string{"utm_source", "q"}
	return &links{
		domains: map[string]*resolve.Domain{"": {ID: 3, Default: true}, "dead.example": {ID: 3, FallbackURL: "https://home.example/"}},
		targets: map[string]resolve.Target{
			code: live, "summer-sale": live, "expired": expired, "disabled": disabled, "deleted": deleted, "later": later, "forwarding": forwarding,
		},
	}
}

func newEdge(tb testing.TB, l *links, p *pages) *Edge {
	tb.Helper()
	return New(Options{
		Resolver: l, Journal: p, Ready: func() bool { return true }, IP: IPFull,
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
}

func TestAnswer(t *testing.T) {
	tests := []struct {
		name     string
		hit      Hit
		status   int
		location string
		lookup   bool
		recorded bool
	}{
		{"a link", Hit{Path: "/" + code}, 302, target, true, true},
		{"a custom code", Hit{Path: "/summer-sale"}, 302, target, true, true},
		{"upper case", Hit{Path: "/" + strings.ToUpper(code)}, 302, target, true, true},
		{"HEAD", Hit{Method: "HEAD", Path: "/" + code}, 302, target, true, true},
		{"the query is ignored", Hit{Path: "/" + code, RawQuery: "q=1&url=https://evil.example"}, 302, target, true, true},
		{"an apostrophe from a mail client", Hit{Path: "/" + code + "%27"}, 302, target, true, true},
		{"whatever follows", Hit{Path: "/" + code + "/a/b/c.html;x=y"}, 302, target, true, true},
		{"an end in the future", Hit{Path: "/later"}, 302, target, true, true},
		{"an end in the past", Hit{Path: "/expired"}, 410, "", true, false},
		{"disabled", Hit{Path: "/disabled"}, 410, "", true, false},
		{"deleted", Hit{Path: "/deleted/" + token}, 410, "", true, false},
		{"deleted, on a domain with a fallback", Hit{Path: "/deleted", Host: "dead.example"}, 302, "https://home.example/", true, false},
		{"unknown, on a domain with a fallback", Hit{Path: "/unknown", Host: "dead.example"}, 404, "", true, false},
		{"unknown", Hit{Path: "/unknown"}, 404, "", true, false},
		{"too short", Hit{Path: "/ab"}, 404, "", false, false},
		{"too long", Hit{Path: "/" + strings.Repeat("a", 65)}, 404, "", false, false},
		{"ends with a hyphen", Hit{Path: "/abc-"}, 404, "", false, false},
		{"begins with a tail", Hit{Path: "/%27" + code}, 404, "", false, false},
		{"begins with a dot", Hit{Path: "/.env"}, 404, "", false, false},
		{"two slashes", Hit{Path: "//" + code}, 404, "", false, false},
		{"bytes that are no text", Hit{Path: "/%ff%fe\xff"}, 404, "", false, false},
		{"the root", Hit{Path: "/"}, 404, "", false, false},
		{"nothing at all", Hit{Path: ""}, 404, "", false, false},
		{"robots", Hit{Path: "/robots.txt"}, 200, "", false, false},
		{"the icon", Hit{Path: "/favicon.ico"}, 404, "", false, false},
		{"well-known", Hit{Path: "/.well-known/security.txt"}, 404, "", false, false},
		{"live", Hit{Path: "/-/live"}, 200, "", false, false},
		{"ready", Hit{Path: "/-/ready"}, 200, "", false, false},
		{"POST", Hit{Method: "POST", Path: "/" + code}, 405, "", false, false},
		{"OPTIONS", Hit{Method: "OPTIONS", Path: "*"}, 405, "", false, false},
		{"TRACE", Hit{Method: "TRACE", Path: "/" + code}, 405, "", false, false},
		{"get in lower case is another method", Hit{Method: "get", Path: "/" + code}, 405, "", false, false},
		{"forwarded", Hit{Path: "/forwarding", RawQuery: "q=a+b&other=1"}, 302, "https://shop.example/a%2Fb?x=1&y=%20&q=a+b#top", true, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l, p := newLinks(), &pages{}
			if test.hit.Method == "" {
				test.hit.Method = "GET"
			}
			got := newEdge(t, l, p).Answer(t.Context(), &test.hit)
			if got.Status != test.status || got.Location != test.location {
				t.Errorf("answer %d %q, want %d %q", got.Status, got.Location, test.status, test.location)
			}
			if (l.lookups > 0) != test.lookup {
				t.Errorf("%d lookups, want some: %t", l.lookups, test.lookup)
			}
			if (p.count > 0) != test.recorded {
				t.Errorf("%d clicks recorded, want one: %t", p.count, test.recorded)
			}
			if (got.Status == 405) != (got.Allow == "GET, HEAD") {
				t.Errorf("status %d with Allow %q", got.Status, got.Allow)
			}
		})
	}
}

func TestAnswerCannotKnow(t *testing.T) {
	l, p := newLinks(), &pages{}
	l.err = resolve.ErrUnavailable
	e := newEdge(t, l, p)
	got := e.Answer(t.Context(), &Hit{Method: "GET", Path: "/" + code})
	if got.Status != 503 || got.RetryAfter == "" || p.count > 0 {
		t.Errorf("stores down: %d, Retry-After %q, %d clicks; want 503 with it and no click", got.Status, got.RetryAfter, p.count)
	}
	l.domains = map[string]*resolve.Domain{"": {}}
	if got := e.Answer(t.Context(), &Hit{Method: "GET", Path: "/" + code}); got.Status != 503 {
		t.Errorf("no domain known: %d, want 503", got.Status)
	}
}

func TestAnswerFullJournal(t *testing.T) {
	l, p := newLinks(), &pages{err: errors.New("spool is full")}
	if got := newEdge(t, l, p).Answer(t.Context(), &Hit{Method: "GET", Path: "/" + code}); got.Status != 302 {
		t.Errorf("a journal that refuses: %d, want the redirect all the same", got.Status)
	}
}

func TestRecord(t *testing.T) {
	who := click.Click{Link: 7, Campaign: 8, Account: 1, Domain: 3, Ordinal: 5, Method: click.GET}
	with := func(change func(c *click.Click)) click.Click {
		c := who
		c.IP, c.UserAgent, c.Referrer = "192.0.2.7", "agent", "https://mail.example/"
		change(&c)
		return c
	}
	long := strings.Repeat("a", 2000)
	tests := []struct {
		name string
		hit  Hit
		want click.Click
	}{
		{"no token", Hit{Path: "/" + code}, with(func(*click.Click) {})},
		{"a token", Hit{Path: "/" + code + "/" + token}, with(func(c *click.Click) { c.Token = token })},
		{"a token in upper case stays as it is", Hit{Path: "/" + code + "/" + strings.ToUpper(token)},
			with(func(c *click.Click) { c.Token = strings.ToUpper(token) })},
		{"a tail behind a token", Hit{Path: "/" + code + "/" + token + "%27"},
			with(func(c *click.Click) { c.Token, c.Flags = token, click.Tail })},
		{"a tail without a token", Hit{Path: "/" + code + "%27/" + token}, with(func(*click.Click) {})},
		{"the dot of a sentence", Hit{Path: "/" + code + "/" + token + "."}, with(func(c *click.Click) { c.Token = token })},
		{"HEAD", Hit{Method: "HEAD", Path: "/" + code}, with(func(c *click.Click) { c.Method = click.HEAD })},
		{"prefetch", Hit{Path: "/" + code, Prefetch: true}, with(func(c *click.Click) { c.Flags = click.Prefetch })},
		{"private keeps nothing", Hit{Path: "/" + code + "/private"},
			click.Click{Link: 7, Campaign: 8, Account: 1, Domain: 3, Ordinal: 5, Method: click.GET, Flags: click.Private}},
		{"private with a tail keeps nothing", Hit{Path: "/" + code + "/PRIVATE/%27"},
			click.Click{Link: 7, Campaign: 8, Account: 1, Domain: 3, Ordinal: 5, Method: click.GET, Flags: click.Private}},
		{"text that is too long is cut", Hit{Path: "/" + code + "/" + long, UserAgent: long, Referrer: long}, with(func(c *click.Click) {
			c.Token, c.UserAgent, c.Referrer = long[:click.MaxToken], long[:click.MaxUserAgent], long[:click.MaxReferrer]
			c.Flags = click.CutToken | click.CutUserAgent | click.CutReferrer
		})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l, p := newLinks(), &pages{}
			hit := test.hit
			hit.IP = "192.0.2.7"
			if hit.Method == "" {
				hit.Method = "GET"
			}
			if hit.UserAgent == "" {
				hit.UserAgent, hit.Referrer = "agent", "https://mail.example/"
			}
			newEdge(t, l, p).Answer(t.Context(), &hit)
			if p.count != 1 || p.last != test.want {
				t.Errorf("recorded %d: %+v\nwant %+v", p.count, p.last, test.want)
			}
		})
	}
}

func TestAnswerAllocates(t *testing.T) {
	e := newEdge(t, newLinks(), &pages{})
	hit := Hit{Method: "GET", Path: "/" + code + "/" + token, Host: "t.example", IP: "192.0.2.7", UserAgent: "agent"}
	if n := testing.AllocsPerRun(1000, func() { e.Answer(t.Context(), &hit) }); n != 0 {
		t.Errorf("an answer allocates %v times, want 0", n)
	}
}
