// Package oracle knows the truth about a campaign: every click it issued, what each must have become, and what came of
// it. It stands outside the click's way, is never killed, and compares what was answered with what is stored. A click's
// link, recipient, browser and referrer are functions of its number, and the number stands in its user agent, so a row
// that is lost, doubled, foreign or altered is told exactly.
package oracle

import (
	_ "embed"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"longtail/shared/link"
)

//go:embed agents.txt
var agentLines string

//go:embed targets.txt
var targetLines string

var (
	agents  = strings.Split(strings.TrimSpace(agentLines), "\n")
	targets = strings.Split(strings.TrimSpace(targetLines), "\n")
	// Most mail software sends none.
	referrers = []string{"", "", "", "", "", "https://mail.google.com/", "https://outlook.live.com/", "https://mail.yahoo.com/"}
)

// Target is where link k of a campaign points: a real URL, another one for each link.
func Target(k int) string {
	url := targets[k%len(targets)]
	if k < len(targets) {
		return url
	}
	url, fragment, found := strings.Cut(url, "#")
	mark := "?"
	if strings.Contains(url, "?") {
		mark = "&"
	}
	url += mark + "n=" + strconv.Itoa(k/len(targets))
	if found {
		url += "#" + fragment
	}
	return url
}

// A Link of the campaign.
type Link struct{ Code, Path, URL string } // Path is that of its tracked URL

// A Campaign issues clicks. Everything about click i is a function of the seed and i.
type Campaign struct {
	ID    string
	Links []Link

	seed    uint64
	host    string
	tokens  []string  // by recipient
	weights []float64 // of the links, summed up: the last is 1
}

// NewCampaign prepares clicks of as many recipients on the links, sent to host and signed with key.
func NewCampaign(id, host string, links []Link, recipients int, key link.CampaignKey, seed uint64) *Campaign {
	c := &Campaign{ID: id, Links: links, seed: seed, host: host, tokens: make([]string, recipients)}
	for r := range c.tokens {
		c.tokens[r] = key.Token(recipient(r))
	}
	sum := 0.0
	for k := range links {
		sum += 1 / float64(k+1)
		c.weights = append(c.weights, sum)
	}
	for k := range c.weights {
		c.weights[k] /= sum
	}
	return c
}

func recipient(r int) string { return "r-" + strconv.Itoa(r) }

// A Click as it must be stored.
type Click struct {
	Link                           int
	Recipient, UserAgent, Referrer string
}

// mark stands before the click's number in its user agent.
const mark = " n/"

// Click tells what click i is.
func (c *Campaign) Click(i int) Click {
	l, r, a, f := c.draw(i)
	return Click{Link: l, Recipient: recipient(r), UserAgent: agents[a] + mark + strconv.Itoa(i), Referrer: referrers[f]}
}

// draw chooses link, recipient, agent and referrer of click i. The first links of a mailing are clicked most: a link's
// weight is the inverse of its place.
func (c *Campaign) draw(i int) (l, r, a, f int) {
	x := Mix(c.seed, uint64(i)) //nolint:gosec // a number from 0
	y := Mix(x, 1)
	l = min(sort.SearchFloat64s(c.weights, float64(y>>11)/(1<<53)), len(c.Links)-1)
	r = int(x % uint64(len(c.tokens)))
	y = Mix(y, 2)
	return l, r, int(y % uint64(len(agents))), int(y >> 32 % uint64(len(referrers)))
}

// Mix is splitmix64: numbers that look random, from two.
func Mix(a, b uint64) uint64 {
	z := a + (b+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// AppendRequest appends the request of click i.
func (c *Campaign) AppendRequest(dst []byte, i int) []byte {
	l, r, a, f := c.draw(i)
	dst = append(append(append(dst, "GET "...), c.Links[l].Path...), '/')
	dst = append(append(dst, c.tokens[r]...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, c.host...), "\r\nUser-Agent: "...)
	dst = strconv.AppendInt(append(append(dst, agents[a]...), mark...), int64(i), 10)
	dst = append(dst, "\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"...)
	if referrers[f] != "" {
		dst = append(append(append(dst, "Referer: "...), referrers[f]...), "\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// Location is where click i must be sent.
func (c *Campaign) Location(i int) string {
	l, _, _, _ := c.draw(i)
	return c.Links[l].URL
}

// Number reads a click's number out of a user agent.
func Number(userAgent string) (int, error) {
	at := strings.LastIndex(userAgent, mark)
	if at < 0 {
		return 0, fmt.Errorf("no click of ours: user agent %.80q", userAgent)
	}
	n, err := strconv.Atoi(userAgent[at+len(mark):])
	if err != nil || n < 0 || strconv.Itoa(n) != userAgent[at+len(mark):] {
		return 0, fmt.Errorf("no click of ours: user agent %.80q", userAgent)
	}
	return n, nil
}
