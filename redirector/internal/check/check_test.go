package check

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"longtail/redirector/internal/edge"
	"longtail/redirector/internal/problem"
	"longtail/redirector/internal/resolve"
	"longtail/shared/link"
	"longtail/shared/storage"
)

const secret = "0123456789abcdef0123456789abcdef"

// world is a resolver that knows one link.
type world struct {
	domain resolve.Domain
	target resolve.Target
	err    error
}

func (w *world) Domain(string) *resolve.Domain { return &w.domain }

func (w *world) Resolve(_ context.Context, _ uint32, code string) (resolve.Target, error) {
	if w.err == nil && code != w.target.Code {
		return resolve.Target{}, link.ErrNotFound
	}
	return w.target, w.err
}

func sale() link.Link {
	return link.Link{ID: 7, Domain: 3, Code: "sale", Account: 1, Campaign: 9, CampaignName: "spring", URL: "https://shop.example/", Forward: []string{"q"},
		State: link.Live, Version: 4}
}

// check asks about a click on a link; change is what the redirectors know besides.
func checkOn(t *testing.T, l link.Link, c Click, change func(*world)) (Answer, error) {
	t.Helper()
	w := &world{domain: resolve.Domain{ID: 3}, target: *resolve.Of(&l)}
	if change != nil {
		change(w)
	}
	return New(w, link.Keyring([]byte(secret), nil)).Check(t.Context(), l, "go.example", c)
}

func TestFindings(t *testing.T) {
	key := link.NewCampaignKey([]byte(secret), 1, "spring")
	other := link.NewCampaignKey([]byte(secret), 1, "autumn")
	good := key.Token("r-1")
	for _, c := range []struct {
		click     Click
		token     storage.Token
		recipient string
		location  string
	}{
		{Click{}, storage.TokenNone, "", ""},
		{Click{Path: "/SALE/"}, storage.TokenNone, "", ""},
		{Click{Path: "/sale/" + good}, storage.TokenValid, "r-1", ""},
		{Click{Path: strings.ToUpper(good)}, storage.TokenValid, "r-1", ""},
		{Click{Token: good}, storage.TokenValid, "r-1", ""},
		{Click{Path: "/sale/", Token: good}, storage.TokenValid, "r-1", ""},
		{Click{Path: "/sale/" + good + "%27"}, storage.TokenInvalid, "", ""},
		{Click{Token: good[:20]}, storage.TokenInvalid, "", ""},
		{Click{Token: other.Token("r-1")}, storage.TokenInvalid, "", ""},
		{Click{Token: "private"}, storage.TokenPrivate, "", ""},
		{Click{Path: "private"}, storage.TokenPrivate, "", ""},
		{Click{Query: "q=1&x=2"}, storage.TokenNone, "", "https://shop.example/?q=1"},
		{Click{Query: "?q=1"}, storage.TokenNone, "", "https://shop.example/?q=1"},
		{Click{Path: "/sale/" + good + "?q=1"}, storage.TokenValid, "r-1", "https://shop.example/?q=1"},
	} {
		a, err := checkOn(t, sale(), c.click, nil)
		if c.location == "" {
			c.location = "https://shop.example/"
		}
		if err != nil || a.Status != 302 || a.Location != c.location || !a.Recorded || a.Token != c.token || a.Recipient != c.recipient || a.Reason != Target {
			t.Errorf("%+v: %+v, %v", c.click, a, err)
		}
	}
	agent := Click{UserAgent: strings.Repeat("a", 600)}
	if a, _ := checkOn(t, sale(), agent, nil); a.UserAgent != agent.UserAgent[:512] || a.Class != storage.Unknown {
		t.Errorf("%+v", a)
	}
	if a, _ := checkOn(t, sale(), Click{UserAgent: "curl/8.5.0"}, nil); a.Class != storage.Machine || a.Rule.String() != "crawler" {
		t.Errorf("%+v", a)
	}
	agent.Token = "private"
	if a, _ := checkOn(t, sale(), agent, nil); a.UserAgent != "" {
		t.Errorf("%+v", a)
	}
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		name     string
		link     func(*link.Link)
		world    func(*world)
		reason   Reason
		status   int
		location string
	}{
		{"redirect_all", nil, func(w *world) { w.target.URL = "https://all.example/" }, RedirectAll, 302, "https://all.example/"},
		{"edited a moment ago", nil, func(w *world) { w.target.URL, w.target.Version = "https://old.example/", 3 }, Target, 302, "https://old.example/"},
		{"expired", func(l *link.Link) { l.ExpiresMS = time.Now().UnixMilli() - 1 }, nil, Expired, 410, ""},
		{"disabled", func(l *link.Link) { l.State = link.Disabled }, nil, Disabled, 410, ""},
		{"deleted", func(l *link.Link) { l.State = link.Deleted }, nil, Deleted, 410, ""},
		{"deleted, and the key stopped", func(l *link.Link) { l.State = link.Deleted }, func(w *world) { w.target.State = link.Disabled }, Deleted, 410, ""},
		{"stopped", nil, func(w *world) { w.target.State = link.Disabled }, Stopped, 410, ""},
		{"fallback", func(l *link.Link) { l.State = link.Disabled }, func(w *world) { w.domain.FallbackURL = "https://home.example/" }, Disabled, 302, "https://home.example/"},
		{"not known yet", nil, func(w *world) { w.err = link.ErrNotFound }, NotFound, 404, ""},
		{"stores away", nil, func(w *world) { w.err = errors.New("away") }, Unavailable, 503, ""},
		{"no domain known", nil, func(w *world) { w.domain = resolve.Domain{} }, Unavailable, 503, ""},
	} {
		l := sale()
		if c.link != nil {
			c.link(&l)
		}
		a, err := checkOn(t, l, Click{Token: "r-1.x"}, c.world)
		recorded := c.reason == Target || c.reason == RedirectAll
		if err != nil || a.Reason != c.reason || a.Status != c.status || a.Location != c.location || a.Recorded != recorded || !recorded && a.Token != storage.TokenNone {
			t.Errorf("%s: %+v, %v", c.name, a, err)
		}
	}
}

func TestNotThisLink(t *testing.T) {
	for _, c := range []struct {
		click Click
		want  string
	}{
		{Click{Path: "/other"}, "path shape"},
		{Click{Path: "/sal"}, "path shape"},
		{Click{Path: "/"}, "path shape"},
		{Click{Path: "/robots.txt"}, "path shape"},
		{Click{Path: "//sale"}, "path shape"},
		{Click{Path: "/sale?q=1", Query: "q=2"}, "query shape"},
		{Click{Path: "/" + strings.Repeat("a", 8192), UserAgent: strings.Repeat("a", 8193)}, "path length, user_agent length"},
	} {
		_, err := checkOn(t, sale(), c.click, nil)
		var got []string
		if p, ok := errors.AsType[*problem.Problem](err); ok {
			for _, f := range p.Errors {
				got = append(got, f.Field+" "+f.Rule)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%.40q: %v, want %s", c.click.Path, got, c.want)
		}
	}
}

var _ edge.Resolver = (*resolve.Resolver)(nil)
