package stories

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"longtail/e2e/loader"
	"longtail/e2e/stage"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// asked gets an answer of 200 from the API, through the load balancer, and returns its body and header.
func asked(t *testing.T, s *stage.Stage, path string) ([]byte, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(stage.Within(t, 30*time.Second), http.MethodGet, s.API.Base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.API.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, res.StatusCode, body, err)
	}
	return body, res.Header
}

// told are figures of a range.
type told struct {
	Clicks  int
	Uniques int `json:"unique_recipients"`
	Links   []struct {
		Clicks  int
		Uniques int `json:"unique_recipients"`
	}
	Series []struct {
		Start  time.Time
		Clicks int
	}
}

// between asks for a campaign's figures in [from, to), with their days as India has them.
func between(t *testing.T, s *stage.Stage, from, to time.Time) (f told) {
	t.Helper()
	q := url.Values{"from": {stamp(from)}, "to": {stamp(to)}, "tz": {"Asia/Kolkata"}, "resolution": {"day"}}
	body, _ := asked(t, s, "/api/v1/campaigns/"+s.Crowd.ID+"/stats?"+q.Encode())
	if err := json.Unmarshal(body, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// A past is a campaign of the cluster that can be clicked at any time of the last days: what is poured in takes the way of
// a message that arrives late, from the worker's ingest on.
type past struct {
	*stage.Stage
	db    *storage.DB
	raw   *sql.DB
	key   link.CampaignKey
	links []link.Link
}

func newPast(t *testing.T) *past {
	t.Helper()
	s := stage.For(t)
	p := &past{Stage: s}
	var err error
	if p.db, err = storage.Open(t.Context(), storage.Options{DSN: s.MySQL.DSN(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.db.Close() })
	if p.raw, err = sql.Open("mysql", s.MySQL.DSN()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.raw.Close() })
	if p.key, err = s.API.SigningKey(t.Context(), s.Crowd.ID); err != nil {
		t.Fatal(err)
	}
	domains, err := p.db.Domains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Crowd.Links {
		found, err := p.db.FindLink(t.Context(), domains[0].ID, l.Code)
		if err != nil {
			t.Fatal(err)
		}
		p.links = append(p.links, found)
	}
	return p
}

// click is one on a link, by a recipient whose token is good, or by nobody.
func (p *past) click(at time.Time, l int, recipient string) click.Click {
	k := &p.links[l]
	c := click.Click{
		ID: click.NewID(at.UnixMilli()), Link: k.ID, Ordinal: k.Ordinal, Account: k.Account, Campaign: k.Campaign, Domain: k.Domain, Method: click.GET,
	}
	if recipient != "" {
		c.Token = p.key.Token(recipient)
	}
	return c
}

func (p *past) pour(t *testing.T, clicks []click.Click) {
	t.Helper()
	keys := func(uint32, string) []link.CampaignKey { return []link.CampaignKey{p.key} }
	if err := loader.Pour(stage.Within(t, time.Minute), p.db, keys, slices.Values(clicks), nil); err != nil {
		t.Fatal(err)
	}
}

// number asks the view that anyone may read.
func (p *past) number(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := p.raw.QueryRowContext(t.Context(), query, append([]any{p.Crowd.ID}, args...)...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const (
	distinct = "SELECT COUNT(DISTINCT recipient) FROM v_clicks WHERE campaign = ? AND token = 'valid' AND method = 'GET'"
	firstIn  = "SELECT COUNT(*) FROM (SELECT MIN(time) AS first FROM v_clicks WHERE campaign = ? AND token = 'valid' AND method = 'GET'" +
		" GROUP BY recipient) AS f WHERE first >= ? AND first < ?"
	clicksIn = "SELECT COUNT(*) FROM v_clicks WHERE campaign = ? AND method = 'GET' AND time >= ? AND time < ?"
)

// midnight is when a day of the recent past begins in India: at half past six in the evening, UTC.
func midnight() time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3).Add(18*time.Hour + 30*time.Minute)
}

// Whoever clicks twice, on two links, before and after midnight in India, is one recipient, of the day before.
func TestUniquesOfThoseWhoClickTwice(t *testing.T) {
	p := newPast(t)
	m := midnight()
	p.pour(t, []click.Click{p.click(m.Add(time.Hour), 0, "twice"), p.click(m.Add(time.Millisecond), 1, "twice"), p.click(m, 0, "at")})
	p.pour(t, []click.Click{p.click(m.Add(-time.Millisecond), 0, "twice"), p.click(m.Add(2*time.Hour), 0, "after")}) // the first click comes last
	day := 24 * time.Hour
	before, after, whole := between(t, p.Stage, m.Add(-day), m), between(t, p.Stage, m, m.Add(day)), between(t, p.Stage, m.Add(-day), m.Add(day))
	for _, c := range []struct {
		what            string
		got             told
		clicks, uniques int
	}{{"the day before", before, 1, 1}, {"the day after", after, 4, 2}, {"both", whole, 5, 3}} {
		if c.got.Clicks != c.clicks || c.got.Uniques != c.uniques {
			t.Errorf("%s: %d clicks of %d recipients; want %d of %d", c.what, c.got.Clicks, c.got.Uniques, c.clicks, c.uniques)
		}
	}
	if l := whole.Links; l[0].Clicks != 4 || l[0].Uniques != 3 || l[1].Clicks != 1 || l[1].Uniques != 1 {
		t.Errorf("links %+v; want 4 clicks of 3 recipients, and 1 of 1", l)
	}
	if d := whole.Series; len(d) != 2 || !d[1].Start.Equal(m) || d[0].Clicks != 1 || d[1].Clicks != 4 {
		t.Errorf("days %+v; want 1 click, and 4 from %s on", d, m)
	}
	if n := p.number(t, distinct); n != 3 {
		t.Errorf("%d distinct recipients in the rows; want 3", n)
	}
	audited(t, p.Stage, 0, ": differing 0\n")
}

// However a range is cut, its parts' recipients add up to the whole's, and each part has those who clicked first in it, by
// the rows themselves. Clicks arrive in disorder, so that the first of a recipient is often not the first to arrive.
func TestUniquesOfPartsAddUp(t *testing.T) {
	p := newPast(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a plan, no secret
	m := midnight()
	from, to := m.Add(-40*time.Hour), m.Add(40*time.Hour)
	within := func() time.Time { return from.Add(time.Duration(random.Int64N(int64(to.Sub(from))))) }
	var all []click.Click
	for range 3000 {
		who := ""
		if random.IntN(10) > 0 {
			who = fmt.Sprintf("r-%d", random.IntN(400))
		}
		all = append(all, p.click(within(), random.IntN(len(p.links)), who))
	}
	for some := range slices.Chunk(all, 500) {
		p.pour(t, some)
	}
	whole := between(t, p.Stage, from, to)
	if n := p.number(t, distinct); whole.Uniques != n || whole.Clicks != len(all) {
		t.Errorf("%d clicks of %d recipients; want %d of %d", whole.Clicks, whole.Uniques, len(all), n)
	}
	for range 5 {
		borders := []time.Time{from, m, to}
		for range 1 + random.IntN(6) {
			borders = append(borders, within().Truncate(time.Millisecond))
		}
		slices.SortFunc(borders, time.Time.Compare)
		clicks, uniques := 0, 0
		for i, border := range borders[1:] {
			part := between(t, p.Stage, borders[i], border)
			clicks, uniques = clicks+part.Clicks, uniques+part.Uniques
			first, last := borders[i].Format("2006-01-02 15:04:05.000"), border.Format("2006-01-02 15:04:05.000")
			if n, u := p.number(t, clicksIn, first, last), p.number(t, firstIn, first, last); part.Clicks != n || part.Uniques != u {
				t.Errorf("from %s to %s: %d clicks of %d recipients; the rows say %d of %d", first, last, part.Clicks, part.Uniques, n, u)
			}
		}
		if clicks != whole.Clicks || uniques != whole.Uniques {
			t.Errorf("%d parts have %d clicks of %d recipients; the whole %d of %d", len(borders)-1, clicks, uniques, whole.Clicks, whole.Uniques)
		}
	}
	t.Logf("%d clicks of %d recipients, cut five times", whole.Clicks, whole.Uniques)
	audited(t, p.Stage, 0, ": differing 0\n")
}
