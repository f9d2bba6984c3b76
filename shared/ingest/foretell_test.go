package ingest

import (
	"testing"
	"time"

	"longtail/shared/classify"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// TestForetellIsWhatIsJudged: the foretold findings are those of the row.
func TestForetellIsWhatIsJudged(t *testing.T) {
	key := link.NewCampaignKey([]byte("0123456789abcdef0123456789abcdef"), 1, "spring")
	other := link.NewCampaignKey([]byte("0123456789abcdef0123456789abcdef"), 1, "autumn")
	f := &fact{storage.LinkFact{Account: 1, Campaign: 2, Domain: 3, Ordinal: 4}, []link.CampaignKey{key}}
	now := time.Now().UnixMilli()
	for _, c := range []click.Click{
		{},
		{Token: key.Token("r-1")},
		{Token: key.Token("r-1"), Flags: click.Tail},
		{Token: key.Token("r-1"), Flags: click.Prefetch},
		{Token: other.Token("r-1")},
		{Flags: click.Private},
		{UserAgent: "curl/8.5.0"},
	} {
		c.ID, c.Account, c.Campaign, c.Domain, c.Ordinal, c.Method = click.NewID(now), 1, 2, 3, 4, click.GET
		row := storage.ClickRow{Click: c}
		if reason, _ := judgeOne(&row, f, 0, now); reason != "" {
			t.Fatal(reason)
		}
		token, recipient, class, rule := Foretell(&c, f.keys)
		if token != row.Token || recipient != row.Recipient || class != row.Class || int16(rule) != row.Rule {
			t.Errorf("%+v: foretold %d %q %d by rule %d, judged %d %q %d by %d", c, token, recipient, class, rule, row.Token, row.Recipient, row.Class, row.Rule)
		}
	}
}

// TestLabels: what said of itself that it is a machine is one, by a rule that stands in the row; nobody else is guessed.
func TestLabels(t *testing.T) {
	for _, c := range []struct {
		click click.Click
		class storage.Class
		rule  classify.Rule
	}{
		{click.Click{UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"}, storage.Unknown, classify.None},
		{click.Click{Flags: click.Prefetch}, storage.Machine, classify.Prefetch},
		{click.Click{UserAgent: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, storage.Machine, classify.Crawler},
	} {
		if class, rule := label(&c.click); class != c.class || rule != c.rule {
			t.Errorf("%+v: class %d by rule %d; want %d by %d", c.click, class, rule, c.class, c.rule)
		}
	}
}
