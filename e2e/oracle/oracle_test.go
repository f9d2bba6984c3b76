package oracle

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/shared/link"
)

func campaign(t *testing.T, seed uint64) *Campaign {
	t.Helper()
	var links []Link
	for k := range 30 {
		code := fmt.Sprintf("code%02d", k)
		links = append(links, Link{Code: code, Path: "/" + code, URL: Target(k)})
	}
	return NewCampaign("c", "go.example:8080", links, 500, link.NewCampaignKey([]byte("secret"), 1, "c"), seed)
}

// row is click i as it must be stored.
func row(c *Campaign, i int) Row {
	k := c.Click(i)
	l := c.Links[k.Link]
	return Row{ID: fmt.Sprintf("%032x", i), Code: l.Code, Recipient: k.Recipient, Token: "valid", Method: "GET",
		UserAgent: k.UserAgent, Referrer: k.Referrer, URL: l.URL, TimeMS: int64(i) * 1000}
}

func TestClicksAreFunctionsOfTheirNumber(t *testing.T) {
	one, again, two := campaign(t, 1), campaign(t, 1), campaign(t, 2)
	same, links := 0, map[int]int{}
	for i := range 10000 {
		if one.Click(i) != again.Click(i) {
			t.Fatalf("click %d differs under the same seed", i)
		}
		if one.Click(i) == two.Click(i) {
			same++
		}
		links[one.Click(i).Link]++
		if n, err := Number(one.Click(i).UserAgent); err != nil || n != i {
			t.Fatalf("number of click %d read as %d, %v", i, n, err)
		}
	}
	if same > 100 {
		t.Errorf("%d of 10,000 clicks are the same under another seed", same)
	}
	if len(links) != 30 || links[0] < 3*links[3] {
		t.Errorf("clicks by link: %v, want all links, the first most", links)
	}
}

// The request on the wire says what Click tells, and its token is good.
func TestRequestCarriesTheClick(t *testing.T) {
	c := campaign(t, 3)
	for i := range 200 {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(c.AppendRequest(nil, i))))
		if err != nil {
			t.Fatal(err)
		}
		click := c.Click(i)
		code, token, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
		got, ok := link.Verify(token, link.NewCampaignKey([]byte("secret"), 1, "c"))
		if !ok || got != click.Recipient || code != c.Links[click.Link].Code || req.Host != "go.example:8080" ||
			req.UserAgent() != click.UserAgent || req.Referer() != click.Referrer || req.Method != http.MethodGet {
			t.Fatalf("click %d: %+v is sent as %s %s %s", i, click, req.Method, req.URL, req.Header)
		}
		if c.Location(i) != c.Links[click.Link].URL {
			t.Fatalf("click %d must be sent to %s", i, c.Location(i))
		}
	}
}

func TestTargetsAreAllowedAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for k := range 100 {
		url := Target(k)
		if _, err := link.NewTarget(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		seen[url] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different targets of 100 links", len(seen))
	}
}

func TestTally(t *testing.T) {
	c := campaign(t, 1)
	answered := func(n int) []load.Answer {
		answers := make([]load.Answer, n)
		for i := range answers {
			answers[i] = load.Answer{Fate: load.Answered, Status: 302}
		}
		return answers
	}
	fate := func(a []load.Answer, i int, f load.Fate, status uint16) { a[i].Fate, a[i].Status = f, status }
	for name, tt := range map[string]struct {
		change                                            func(a []load.Answer, rows []Row) []Row
		answered, lost, duplicated, unexpected, recovered int
		broken                                            bool
	}{
		"all well":                        {nil, 10, 0, 0, 0, 0, false},
		"a row is gone":                   {func(_ []load.Answer, rows []Row) []Row { return rows[1:] }, 10, 1, 0, 0, 0, true},
		"a row is there three times":      {func(_ []load.Answer, rows []Row) []Row { return append(rows, rows[4], rows[4]) }, 10, 0, 2, 0, 0, true},
		"one is lost and another doubled": {func(_ []load.Answer, rows []Row) []Row { rows[0] = rows[1]; return rows }, 10, 1, 1, 0, 0, true},
		"no answer, but a row":            {func(a []load.Answer, rows []Row) []Row { fate(a, 3, load.Unknown, 0); return rows }, 9, 0, 0, 0, 1, false},
		"no answer, no row":               {func(a []load.Answer, rows []Row) []Row { fate(a, 0, load.Unknown, 504); return rows[1:] }, 9, 0, 0, 0, 0, false},
		"no answer, two rows":             {func(a []load.Answer, rows []Row) []Row { fate(a, 3, load.Unknown, 0); return append(rows, rows[3]) }, 9, 0, 1, 0, 1, true},
		"404 and a row":                   {func(a []load.Answer, rows []Row) []Row { fate(a, 5, load.Other, 404); return rows }, 9, 0, 0, 1, 0, true},
		"503, no row":                     {func(a []load.Answer, rows []Row) []Row { fate(a, 0, load.Other, 503); return rows[1:] }, 9, 0, 0, 0, 0, false},
		"never sent, but a row":           {func(a []load.Answer, rows []Row) []Row { fate(a, 5, load.NotSent, 0); return rows }, 9, 0, 0, 1, 0, true},
		"sent elsewhere":                  {func(a []load.Answer, rows []Row) []Row { fate(a, 5, load.Astray, 302); return rows }, 9, 0, 0, 0, 0, true},
		"a row of nobody":                 {func(_ []load.Answer, rows []Row) []Row { return append(rows, Row{UserAgent: "curl/8"}) }, 10, 0, 0, 1, 0, true},
		"a row beyond the last":           {func(_ []load.Answer, rows []Row) []Row { return append(rows, row(c, 10)) }, 10, 0, 0, 1, 0, true},
		"another recipient":               {func(_ []load.Answer, rows []Row) []Row { rows[2].Recipient = "r-x"; return rows }, 10, 1, 0, 1, 0, true},
		"another link":                    {func(_ []load.Answer, rows []Row) []Row { rows[2].Code = "x"; return rows }, 10, 1, 0, 1, 0, true},
		"the token is not valid":          {func(_ []load.Answer, rows []Row) []Row { rows[2].Token = "invalid"; return rows }, 10, 1, 0, 1, 0, true},
		"method":                          {func(_ []load.Answer, rows []Row) []Row { rows[2].Method = "HEAD"; return rows }, 10, 1, 0, 1, 0, true},
		"a cut user agent":                {func(_ []load.Answer, rows []Row) []Row { rows[2].UserAgent = rows[2].UserAgent[:20]; return rows }, 10, 1, 0, 1, 0, true},
	} {
		answers, rows := answered(10), []Row(nil)
		for i := range answers {
			rows = append(rows, row(c, i))
		}
		if tt.change != nil {
			rows = tt.change(answers, rows)
		}
		got := c.Compare(answers, rows, true)
		if got.Answered != tt.answered || got.Lost != tt.lost || got.Duplicated != tt.duplicated ||
			got.Unexpected != tt.unexpected || got.Recovered != tt.recovered || got.Broken() != tt.broken {
			t.Errorf("%s: %+v, want answered %d lost %d duplicated %d unexpected %d recovered %d broken %v",
				name, got, tt.answered, tt.lost, tt.duplicated, tt.unexpected, tt.recovered, tt.broken)
		}
		if tt.broken != (len(got.Examples) > 0) {
			t.Errorf("%s: examples %q", name, got.Examples)
		}
		if got.Rows != len(rows) || got.Issued != 10 {
			t.Errorf("%s: %d rows of %d, %d issued", name, got.Rows, len(rows), got.Issued)
		}
	}
}

// figures are what must be told about rows, counted in another way than Differences does.
func figures(rows []Row) Figures {
	f := Figures{Cells: map[Cell]int{}, Recipients: map[string]int{}, Stats: &Stats{Links: map[string]LinkStats{}}}
	pairs := map[string]bool{}
	for _, r := range rows {
		f.Cells[Cell{r.Code, time.UnixMilli(r.TimeMS - r.TimeMS%60000).UTC()}]++
		f.Recipients[r.Recipient] = 1
		l := f.Stats.Links[r.Code]
		l.Clicks++
		if pair := r.Code + " " + r.Recipient; !pairs[pair] {
			pairs[pair] = true
			l.UniqueRecipients++
		}
		f.Stats.Links[r.Code] = l
	}
	f.Stats.Clicks, f.Stats.Unknown, f.Stats.UniqueRecipients = len(rows), len(rows), len(f.Recipients)
	return f
}

func TestDifferences(t *testing.T) {
	c := campaign(t, 1)
	var rows []Row
	for i := range 2000 {
		rows = append(rows, row(c, i))
	}
	if got := Differences(rows, figures(rows)); len(got) != 0 {
		t.Fatalf("differences where there are none: %q", got)
	}
	if n := figures(rows).Sum(); n != 2000 {
		t.Errorf("sum of the cells %d", n)
	}
	for name, change := range map[string]func(f *Figures){
		"v_click_minutes has":     func(f *Figures) { f.Cells[Cell{rows[0].Code, time.Unix(0, 0).UTC()}]++ },
		"cells more":              func(f *Figures) { clear(f.Cells) },
		"v_recipient_first":       func(f *Figures) { delete(f.Recipients, rows[0].Recipient) },
		"v_recipient_first has":   func(f *Figures) { f.Recipients[rows[0].Recipient] = 2 },
		"stats.clicks":            func(f *Figures) { f.Stats.Clicks-- },
		"human":                   func(f *Figures) { f.Stats.Human++ },
		"stats.unique_recipients": func(f *Figures) { f.Stats.UniqueRecipients++ },
		"stats of link":           func(f *Figures) { f.Stats.Links[rows[0].Code] = LinkStats{} },
	} {
		f := figures(rows)
		change(&f)
		got := Differences(rows, f)
		if len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), name) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestNumberOfForeignAgents(t *testing.T) {
	for _, agent := range []string{"", "curl/8", "x n/", "x n/-1", "x n/01", "x n/1x", "x n/99999999999999999999"} {
		if n, err := Number(agent); err == nil {
			t.Errorf("%q read as click %d", agent, n)
		}
	}
}

func TestListsHaveNoDoubles(t *testing.T) {
	for _, list := range [][]string{agents, targets} {
		if sorted := slices.Compact(slices.Sorted(slices.Values(list))); len(sorted) != len(list) || slices.Contains(list, "") {
			t.Errorf("doubles or empty lines among %d", len(list))
		}
	}
}
