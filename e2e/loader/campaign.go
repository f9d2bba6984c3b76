package loader

import (
	"iter"
	"strconv"
	"time"

	"longtail/e2e/curve"
	"longtail/e2e/oracle"
	"longtail/shared/click"
	"longtail/shared/link"
)

const (
	// burst is how long the long tail of a mailing lasts; lateShare of the clicks come in the days behind it.
	burst     = 7 * time.Hour
	lateShare = 0.1
)

// A campaign of the past.
type campaign struct {
	name       string
	key        link.CampaignKey
	links      []link.Link
	clicks     int
	recipients int
	sent, end  time.Time
	seed       uint64
	draws      *oracle.Campaign // which link, agent and referrer a click has
}

// newCampaign prepares n clicks on links of one account. recipients 0 = six for ten clicks.
func newCampaign(name string, links []link.Link, n, recipients int, seed uint64) *campaign {
	if recipients == 0 {
		recipients = n*6/10 + 1
	}
	key := link.NewCampaignKey(secret, links[0].Account, name)
	return &campaign{
		key: key, name: name, links: links, clicks: n, recipients: recipients, seed: seed,
		draws: oracle.NewCampaign(name, "", make([]oracle.Link, len(links)), 1, key, seed),
	}
}

// clicks are those of all campaigns, one after another, each in the order of time.
func clicks(campaigns []*campaign) iter.Seq[click.Click] {
	return func(yield func(click.Click) bool) {
		for _, c := range campaigns {
			for i := range c.clicks {
				if !yield(c.click(i)) {
					return
				}
			}
		}
	}
}

// machines are agents that say what they are.
var machines = []string{
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
	"python-requests/2.32.3",
}

// click is the i-th. Of a hundred, some eighty-eight name their recipient and are people's as far as anybody can tell; the
// others are crawlers, prefetches, links passed on without a token, mangled tokens, and recipients who opted out.
func (c *campaign) click(i int) click.Click {
	random := oracle.Mix(c.seed, uint64(i)) //nolint:gosec // a number from 0
	drawn := c.draws.Click(i)
	l := &c.links[drawn.Link]
	ck := click.Click{
		ID: click.NewID(c.at(i).UnixMilli()), Link: l.ID, Ordinal: l.Ordinal, Account: l.Account, Campaign: l.Campaign, Domain: l.Domain,
		Method: click.GET, UserAgent: drawn.UserAgent, Referrer: drawn.Referrer,
		IP:    "198.51." + strconv.Itoa(int(random>>40%256)) + ".0",
		Token: c.key.Token("r-" + strconv.Itoa(int(oracle.Mix(random, 1)%uint64(c.recipients)))), //nolint:gosec // below recipients
	}
	switch kind := random >> 16 % 100; {
	case kind < 4:
		ck.UserAgent = machines[random>>50%uint64(len(machines))]
	case kind < 6:
		ck.Flags |= click.Prefetch
	case kind < 10:
		ck.Token = ""
	case kind < 11:
		ck.Token, ck.Flags = ck.Token[:len(ck.Token)-3], ck.Flags|click.Tail
	case kind < 12:
		ck.Flags |= click.Private
		ck.Token, ck.IP, ck.UserAgent, ck.Referrer = "", "", "", ""
	}
	return ck
}

// at is when click i came: nine of ten within the hours of the long tail, the rest over the days since, ever fewer.
func (c *campaign) at(i int) time.Time {
	early := int(float64(c.clicks) * (1 - lateShare))
	spread := float64(oracle.Mix(c.seed^0x7469, uint64(i))>>11) / (1 << 53) //nolint:gosec // a number from 0
	if i < early {
		p := (float64(i) + spread) / float64(early)
		return c.sent.Add(time.Duration(longTail.Quantile(p) * float64(time.Hour)))
	}
	p := (float64(i-early) + spread) / float64(c.clicks-early)
	return c.sent.Add(burst + time.Duration(p*p*float64(c.end.Sub(c.sent)-burst)))
}

var longTail = curve.NewLongTail()
