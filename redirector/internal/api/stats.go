package api

import (
	"context"
	"net/http"
	"strings"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/redirector/internal/stats"
	"longtail/shared/storage"
)

func (s *server) statsRoutes() {
	register(s, call{method: http.MethodGet, path: "/api/v1/campaigns/{campaign}/stats", id: "campaign-stats",
		summary: "Figures of a campaign", role: account.Read}, s.campaignStats)
	register(s, call{method: http.MethodGet, path: "/api/v1/links/{code}/stats", id: "link-stats", summary: "Figures of a link",
		role: account.Read}, s.linkStats)
	register(s, call{method: http.MethodGet, path: "/api/v1/campaigns/{campaign}/balance", id: "campaign-balance",
		summary: "Where the answered clicks are: answered = stored + waiting + set_aside", role: account.Read}, s.balance)
	register(s, call{method: http.MethodGet, path: "/api/v1/campaigns/{campaign}/recipients", id: "campaign-recipients",
		summary: "Who clicked", role: account.Read}, s.recipients)
}

// Range are the parameters of figures.
type Range struct {
	From       string `query:"from" doc:"RFC 3339, to the millisecond; without from and to: the whole lifetime. Older than 35 days it falls on a quarter hour."`
	To         string `query:"to" doc:"RFC 3339, not part of the range; as from."`
	Zone       string `query:"tz" doc:"IANA time zone of day borders; UTC if not given."`
	Resolution string `query:"resolution" doc:"minute, hour or day; without it no series."`
}

// question checks the times; the rest is checked by the room that answers.
func (r *Range) question() (q stats.Question, err error) {
	var bad problem.Fields
	q.FromMS = readMoment(&bad, "from", r.From)
	q.ToMS = readMoment(&bad, "to", r.To)
	q.Zone, q.Resolution = r.Zone, r.Resolution
	return q, bad.Err()
}

func readMoment(bad *problem.Fields, field, text string) *int64 {
	if text == "" {
		return nil
	}
	at, err := parseMoment(text)
	bad.Check(field, err)
	return new(int64(at))
}

// CountView is what was clicked. It is exported because huma looks into exported fields only.
type CountView struct {
	Clicks  int64 `json:"clicks" doc:"human + machine + unknown"`
	Human   int64 `json:"human"`
	Machine int64 `json:"machine"`
	Unknown int64 `json:"unknown"`
	Uniques int64 `json:"unique_recipients" doc:"Of a campaign: whose first click lies in the range; parts add up. Of a link: over its lifetime."`
}

func viewCount(c storage.Count) CountView {
	return CountView{c.Clicks, c.Human, c.Machine, c.Unknown, c.Uniques}
}

type gapView struct {
	From   moment  `json:"from"`
	To     *moment `json:"to" nullable:"true" doc:"null = it lasts"`
	Reason string  `json:"reason" enum:"spool_full,forgotten,quarantined,power_loss,late"`
	Clicks *int64  `json:"clicks" doc:"null = not known"`
}

type linkCountView struct {
	Code       string `json:"code"`
	Domain     string `json:"domain"`
	TrackedURL string `json:"tracked_url"`
	URL        string `json:"url"`
	CountView
}

type pointView struct {
	Start  moment `json:"start"`
	Clicks int64  `json:"clicks"`
}

type figuresView struct {
	CountView
	Complete moment          `json:"complete_through" doc:"Every click answered before is counted."`
	Gaps     []gapView       `json:"gaps" doc:"Spans whose clicks are not all counted."`
	Links    []linkCountView `json:"links" doc:"Of a campaign: its links, the most clicked first, at most 1000."`
	Series   []pointView     `json:"series" doc:"Empty without resolution; 0 where nothing was clicked. The first point begins at from and the last one ends at to."`
}

type figuresAnswer struct{ Body figuresView }

func (s *server) campaignStats(ctx context.Context, who account.Principal, in *struct {
	InCampaign
	Range
}) (*figuresAnswer, error) {
	q, err := in.question()
	if err != nil {
		return nil, err
	}
	c, err := s.links.Campaign(ctx, who, in.Campaign)
	if err != nil {
		return nil, err
	}
	q.Campaign, q.SinceMS = c.ID, c.CreatedMS
	return s.figures(ctx, q)
}

func (s *server) linkStats(ctx context.Context, who account.Principal, in *struct {
	Which
	Range
}) (*figuresAnswer, error) {
	q, err := in.question()
	if err != nil {
		return nil, err
	}
	r, err := s.links.Find(ctx, who, in.Domain, in.Code)
	if err != nil {
		return nil, err
	}
	q.Campaign, q.Link, q.SinceMS = r.Link.Campaign, r.Link.ID, r.Link.CreatedMS
	return s.figures(ctx, q)
}

func (s *server) figures(ctx context.Context, q stats.Question) (*figuresAnswer, error) {
	a, err := s.stats.Figures(ctx, q)
	if err != nil {
		return nil, err
	}
	v := figuresView{CountView: viewCount(a.Count), Complete: moment(a.CompleteMS), Gaps: viewGaps(a.Gaps),
		Links: make([]linkCountView, len(a.Links)), Series: make([]pointView, len(a.Series))}
	for i, l := range a.Links {
		host, err := s.links.Host(ctx, l.Domain)
		if err != nil {
			return nil, err
		}
		v.Links[i] = linkCountView{l.Code, host, s.links.TrackedURL(host, l.Code), l.URL, viewCount(l.Count)}
	}
	for i, cell := range a.Series {
		v.Series[i] = pointView{moment(cell.StartMS), cell.Clicks}
	}
	return &figuresAnswer{v}, nil
}

func viewGaps(gaps []storage.Gap) []gapView {
	views := make([]gapView, len(gaps))
	for i, g := range gaps {
		views[i] = gapView{From: moment(g.FromMS), To: orNull(g.ToMS), Reason: g.Reason}
		if g.Clicks >= 0 {
			views[i].Clicks = &g.Clicks
		}
	}
	return views
}

type balanceAnswer struct {
	Body struct {
		Answered int64 `json:"answered"`
		Stored   int64 `json:"stored"`
		Waiting  int64 `json:"waiting"`
		SetAside int64 `json:"set_aside"`
	}
}

func (s *server) balance(ctx context.Context, who account.Principal, in *InCampaign) (*balanceAnswer, error) {
	c, err := s.links.Campaign(ctx, who, in.Campaign)
	if err != nil {
		return nil, err
	}
	b, err := s.stats.Balance(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	out := &balanceAnswer{}
	out.Body.Answered, out.Body.Stored, out.Body.Waiting, out.Body.SetAside = b.Answered, b.Stored, b.Waiting, b.SetAside
	return out, nil
}

type recipientView struct {
	Recipient string `json:"recipient"`
	Clicks    int64  `json:"clicks"`
	First     moment `json:"first"`
	Last      moment `json:"last"`
}

type recipientPage struct{ Body page[recipientView] }

func (s *server) recipients(ctx context.Context, who account.Principal, in *struct {
	InCampaign
	Query string `query:"q" doc:"What the recipient begins with, in either case."`
	Paging
}) (*recipientPage, error) {
	prefix := strings.ToLower(in.Query)
	scope := "recipients\x00" + who.Scope() + "\x00" + in.Campaign + "\x00" + prefix
	after, limit, err := in.parse(scope)
	if err != nil {
		return nil, err
	}
	c, err := s.links.Campaign(ctx, who, in.Campaign)
	if err != nil {
		return nil, err
	}
	found, next, err := s.stats.Recipients(ctx, c.ID, prefix, string(after), limit)
	if err != nil {
		return nil, err
	}
	out := &recipientPage{page[recipientView]{Data: make([]recipientView, len(found))}}
	if next != "" {
		out.Body.Next = cursor(scope, []byte(next))
	}
	for i, r := range found {
		out.Body.Data[i] = recipientView{r.Recipient, r.Clicks, moment(r.FirstMS), moment(r.LastMS)}
	}
	return out, nil
}
