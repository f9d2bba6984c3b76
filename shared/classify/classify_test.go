package classify

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"longtail/shared/click"
)

// people are agents of browsers and mail programs: nothing about them is certain.
var people = []string{
	"",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
	"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
	"Mozilla/5.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)",
	"\x00\xff\xfe", "cu", "c",
}

var machines = []string{
	"curl/8.5.0",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"Mozilla/5.0 (compatible; AhrefsSiteAudit/6.1; +http://ahrefs.com/robot/site-audit)",
	"Mozilla/5.0 (compatible; SeMrushBot/7)",
	"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
	"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
	"python-requests/2.32.3",
	"SSL Labs (https://www.ssllabs.com/about/assessment.html) SSL Labs",
	"AdsBot-Google (+http://www.google.com/adsbot.html)",
}

func TestMachine(t *testing.T) {
	for _, agent := range people {
		if r := Machine(&click.Click{UserAgent: agent}); r != None {
			t.Errorf("%q is a machine by rule %q", agent, r)
		}
	}
	for _, agent := range machines {
		if r := Machine(&click.Click{UserAgent: agent}); r != Crawler {
			t.Errorf("%q is no crawler", agent)
		}
	}
	if r := Machine(&click.Click{UserAgent: people[1], Flags: click.Prefetch}); r != Prefetch || r.String() != "prefetch" {
		t.Errorf("a prefetch is labelled by rule %q", r)
	}
}

// The index says what the patterns say, one by one, of every sample and of every prefix of it.
func TestIndexAgreesWithThePatterns(t *testing.T) {
	var each []*regexp.Regexp
	for text := range strings.Lines(crawlerPatterns) {
		each = append(each, regexp.MustCompile(strings.TrimSuffix(text, "\n")))
	}
	slow := func(text string) bool {
		for _, re := range each {
			if re.MatchString(text) {
				return true
			}
		}
		return false
	}
	texts, cut := samples(t), 0
	for i, text := range append(texts, people...) {
		if got, want := crawlers.match(text), slow(text); got != want {
			t.Errorf("%q: %v; the patterns say %v", text, got, want)
		}
		if half := text[:len(text)/2]; i%7 == 0 && crawlers.match(half) != slow(half) {
			t.Errorf("%q: %v; the patterns say otherwise", half, crawlers.match(half))
		} else if i%7 == 0 {
			cut++
		}
	}
	t.Logf("%d patterns, %d samples, %d cut in half", len(each), len(texts), cut)
}

// samples are known agents of machines: the collection's where it is there, else a few.
func samples(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../../shared/data/crawler-user-agents.json")
	if err != nil {
		return machines
	}
	var list []struct{ Instances []string }
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for _, entry := range list {
		all = append(all, entry.Instances...)
	}
	return all
}

func BenchmarkMachine(b *testing.B) {
	b.ReportAllocs()
	for i := range b.N {
		Machine(&click.Click{UserAgent: people[1+i%6]})
	}
}
