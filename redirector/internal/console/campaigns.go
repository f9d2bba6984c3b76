package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"longtail/redirector/internal/account"
)

func (c *Console) campaignRoutes() {
	c.page("/console/campaigns", page{"campaigns", account.Read, c.campaigns})
	c.page("/console/campaigns/{campaign}", page{"campaign", account.Read, c.campaign})
	c.mux.HandleFunc("GET /console/campaigns/{campaign}/recipients.csv", c.recipientsCSV)
	c.mux.HandleFunc("GET /console/campaigns/{campaign}/clicks.csv", c.clicksCSV)
	c.change("POST /console/campaigns/{campaign}/send-elsewhere", account.Write, c.sendElsewhere)
}

// A list is a page of the API's lists.
type list[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next"`
}

// campaign is one as the API tells it.
type campaign struct {
	Campaign    string            `json:"campaign"`
	Name        *string           `json:"name"`
	SentAt      *time.Time        `json:"sent_at"`
	UTM         map[string]string `json:"utm,omitempty"`
	Domain      *string           `json:"domain"`
	RedirectAll *string           `json:"redirect_all"`
	CreatedAt   time.Time         `json:"created_at"`
}

// Title is what people call it.
func (c campaign) Title() string {
	if c.Name != nil {
		return *c.Name
	}
	return c.Campaign
}

type count struct {
	Clicks  int64 `json:"clicks"`
	Human   int64 `json:"human"`
	Machine int64 `json:"machine"`
	Unknown int64 `json:"unknown"`
	Uniques int64 `json:"unique_recipients"`
}

type point struct {
	Start  time.Time `json:"start"`
	Clicks int64     `json:"clicks"`
}

type gap struct {
	From   time.Time  `json:"from"`
	To     *time.Time `json:"to"`
	Reason string     `json:"reason"`
	Clicks *int64     `json:"clicks"`
}

type linkCount struct {
	Code    string `json:"code"`
	Domain  string `json:"domain"`
	Tracked string `json:"tracked_url"`
	URL     string `json:"url"`
	count
}

// figures of a campaign.
type figures struct {
	count
	Complete time.Time   `json:"complete_through"`
	Gaps     []gap       `json:"gaps"`
	Links    []linkCount `json:"links"`
	Series   []point     `json:"series"`
}

type balance struct {
	Answered int64 `json:"answered"`
	Stored   int64 `json:"stored"`
	Waiting  int64 `json:"waiting"`
	SetAside int64 `json:"set_aside"`
}

// campaignRow is a line of the list.
type campaignRow struct {
	campaign
	figures
	Day []int64 // clicks by hour of the last 24 hours
}

// campaignsView is the list of campaigns.
type campaignsView struct {
	Rows []campaignRow
	Next string
	Zone *time.Location
}

const campaignsShown = 20

// campaigns lists the newest, each with its figures.
func (c *Console) campaigns(ctx context.Context, s *session, r *http.Request) (view, error) {
	var all list[campaign]
	q := url.Values{"limit": {strconv.Itoa(campaignsShown)}}
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		q.Set("cursor", cursor)
	}
	if err := c.ask(ctx, s.who, "/api/v1/campaigns?"+q.Encode(), &all); err != nil {
		return view{}, err
	}
	v := campaignsView{Rows: make([]campaignRow, len(all.Data)), Zone: location(zoneOf(r))}
	if all.Next != nil {
		v.Next = *all.Next
	}
	end := time.Now().UTC().Truncate(time.Hour).Add(time.Hour)
	day := url.Values{"from": {stamp(end.Add(-24 * time.Hour))}, "to": {stamp(end)}, "resolution": {"hour"}}
	some, ctx := errgroup.WithContext(ctx)
	some.SetLimit(4)
	for i, k := range all.Data {
		row := &v.Rows[i]
		row.campaign = k
		some.Go(func() error {
			stats := "/api/v1/campaigns/" + url.PathEscape(k.Campaign) + "/stats"
			if err := c.ask(ctx, s.who, stats, &row.figures); err != nil {
				return err
			}
			var recent figures
			if err := c.ask(ctx, s.who, stats+"?"+day.Encode(), &recent); err != nil {
				return err
			}
			for _, p := range recent.Series {
				row.Day = append(row.Day, p.Clicks)
			}
			return nil
		})
	}
	return view{Title: "Campaigns", Data: v, Live: []string{"rows"}}, some.Wait()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// campaignView is one campaign.
type campaignView struct {
	campaign
	figures
	Balance    balance
	Zone       *time.Location
	ZoneName   string // as it was asked for
	Range      series
	RangeError string
	Recipients list[recipient]
	Search     string
	Kept       map[string]string // of the question, by the form of the recipients
	More       string            // question of the next recipients
	Top        int64             // clicks of the link that has the most
}

type recipient struct {
	Recipient string    `json:"recipient"`
	Clicks    int64     `json:"clicks"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
}

// campaign shows one campaign: figures of its lifetime, a series of a range, its links, who clicked, and where the clicks
// are that are not counted yet.
func (c *Console) campaign(ctx context.Context, s *session, r *http.Request) (view, error) {
	q := r.URL.Query()
	name := r.PathValue("campaign")
	base := "/api/v1/campaigns/" + url.PathEscape(name)
	v := campaignView{ZoneName: zoneOf(r), Search: q.Get("recipient"), Kept: kept(q)}
	v.Zone = location(v.ZoneName)
	v.Range = seriesOf(q, time.Now(), v.ZoneName)
	var ranged figures
	var refused *problem
	all, ctx := errgroup.WithContext(ctx)
	for path, out := range map[string]any{
		base: &v.campaign, base + "/balance": &v.Balance, base + "/stats": &v.figures, base + "/recipients?" + recipientsQuery(q).Encode(): &v.Recipients,
	} {
		all.Go(func() error { return c.ask(ctx, s.who, path, out) })
	}
	all.Go(func() error {
		err := c.ask(ctx, s.who, base+"/stats?"+v.Range.ask.Encode(), &ranged)
		if errors.As(err, &refused) && refused.Status == http.StatusUnprocessableEntity {
			return nil // the form says so, beside it stands what was asked for
		}
		return err
	})
	err := all.Wait()
	for try := 0; err == nil && v.torn() && try < 2; try++ {
		err = errors.Join(c.ask(ctx, s.who, base+"/stats", &v.figures), c.ask(ctx, s.who, base+"/balance", &v.Balance))
	}
	if err != nil {
		return view{}, err
	}
	shown := view{Title: v.Title(), Live: []string{"figures", "links", "gaps", "series", "recipients"}, Point: []int64{time.Now().Unix(), v.Balance.Answered, v.Balance.Stored}}
	if refused != nil {
		v.RangeError, shown.Status = refused.Error(), refused.Status
	}
	v.Series = ranged.Series
	for _, l := range v.Links {
		v.Top = max(v.Top, l.Clicks)
	}
	if v.Recipients.Next != nil {
		q.Set("cursor", *v.Recipients.Next)
		v.More = "?" + q.Encode() + "#recipients"
	}
	shown.Data = v
	return shown, nil
}

// torn tells whether figures and balance are of different moments: a batch was stored between the two questions.
func (v *campaignView) torn() bool { return v.Balance.Waiting > 0 && v.Balance.Stored != v.Clicks }

// kept is what a form of the recipients sends again, so that the rest of the page stays as it was chosen.
func kept(q url.Values) map[string]string {
	all := map[string]string{}
	for _, name := range []string{"span", "from", "to", "tz"} {
		if value := q.Get(name); value != "" {
			all[name] = value
		}
	}
	return all
}

func recipientsQuery(q url.Values) url.Values {
	out := url.Values{"limit": {"50"}}
	for page, api := range map[string]string{"recipient": "q", "cursor": "cursor"} {
		if value := q.Get(page); value != "" {
			out.Set(api, value)
		}
	}
	return out
}

// sendElsewhere sets, or ends, that all links of a campaign lead to one page. What else is said of it stays.
func (c *Console) sendElsewhere(w http.ResponseWriter, r *http.Request, s *session) {
	name := r.PathValue("campaign")
	path := "/api/v1/campaigns/" + url.PathEscape(name)
	var k campaign
	err := c.ask(r.Context(), s.who, path, &k)
	if err == nil {
		body := map[string]any{}
		for field, value := range map[string]*string{"name": k.Name, "domain": k.Domain} {
			if value != nil {
				body[field] = *value
			}
		}
		if k.SentAt != nil {
			body["sent_at"] = stamp(*k.SentAt)
		}
		if len(k.UTM) > 0 {
			body["utm"] = k.UTM
		}
		if to := r.PostFormValue("url"); to != "" {
			body["redirect_all"] = to
		}
		err = c.call(r.Context(), s.who, request{method: http.MethodPut, path: path, body: body}, nil)
	}
	if err != nil {
		c.trouble(w, r, err)
		return
	}
	back(w, r, "/console/campaigns/"+url.PathEscape(name), "Saved: every instance follows within two seconds.")
}

// clicksCSV is the export of a campaign's clicks, streamed by the API itself.
func (c *Console) clicksCSV(w http.ResponseWriter, r *http.Request) {
	s, ok := c.enter(w, r, account.Read)
	if !ok {
		return
	}
	name := r.PathValue("campaign")
	w.Header().Set("Content-Disposition", `attachment; filename="clicks.csv"`)
	c.pass(w, r, s.who, "/api/v1/clicks?"+url.Values{"campaign": {name}, "format": {"csv"}}.Encode())
}
