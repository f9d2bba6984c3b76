package ingest

import (
	"testing"
	"time"

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
	} {
		c.ID, c.Account, c.Campaign, c.Domain, c.Ordinal, c.Method = click.NewID(now), 1, 2, 3, 4, click.GET
		row := storage.ClickRow{Click: c}
		if reason, _ := judgeOne(&row, f, 0, now); reason != "" {
			t.Fatal(reason)
		}
		token, recipient, class := Foretell(&c, f.keys)
		if token != row.Token || recipient != row.Recipient || class != row.Class {
			t.Errorf("%+v: foretold %d %q %d, judged %d %q %d", c, token, recipient, class, row.Token, row.Recipient, row.Class)
		}
	}
}
