package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"longtail/e2e/oracle"
)

// Balance of a campaign: answered = stored + waiting + set aside.
type Balance struct {
	Answered int `json:"answered"`
	Stored   int `json:"stored"`
	Waiting  int `json:"waiting"`
	SetAside int `json:"set_aside"`
}

// Balance asks for the campaign's balance; at most 2 s late, exact at rest.
func (a *API) Balance(ctx context.Context, campaign string) (Balance, error) {
	var b Balance
	err := a.get(ctx, "/api/v1/campaigns/"+campaign+"/balance", &b)
	return b, err
}

// A Gap is a time of which the figures do not know everything. Clicks is nil when their number is not known.
type Gap struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Reason string `json:"reason"`
	Clicks *int   `json:"clicks"`
}

// Results of a campaign.
type Results struct {
	oracle.Stats
	CompleteThrough time.Time // every click answered before it is counted
	Gaps            []Gap
}

// Results asks for the campaign's figures over its lifetime.
func (a *API) Results(ctx context.Context, campaign string) (Results, error) {
	var v struct {
		Clicks           int       `json:"clicks"`
		Human            int       `json:"human"`
		Machine          int       `json:"machine"`
		Unknown          int       `json:"unknown"`
		UniqueRecipients int       `json:"unique_recipients"`
		CompleteThrough  time.Time `json:"complete_through"`
		Gaps             []Gap     `json:"gaps"`
		Links            []struct {
			Code             string `json:"code"`
			Clicks           int    `json:"clicks"`
			UniqueRecipients int    `json:"unique_recipients"`
		} `json:"links"`
	}
	if err := a.get(ctx, "/api/v1/campaigns/"+campaign+"/stats", &v); err != nil {
		return Results{}, err
	}
	r := Results{CompleteThrough: v.CompleteThrough, Gaps: v.Gaps}
	r.Stats = oracle.Stats{
		Clicks: v.Clicks, Human: v.Human, Machine: v.Machine, Unknown: v.Unknown,
		UniqueRecipients: v.UniqueRecipients, Links: map[string]oracle.LinkStats{},
	}
	for _, l := range v.Links {
		r.Links[l.Code] = oracle.LinkStats{Clicks: l.Clicks, UniqueRecipients: l.UniqueRecipients}
	}
	return r, nil
}

// A Click as it is exported.
type Click struct {
	Method string `json:"method"`
	IP     string `json:"ip"`
}

// Clicks are all of a campaign, as far as they are complete.
func (a *API) Clicks(ctx context.Context, campaign string) ([]Click, error) {
	body, err := a.call(ctx, http.MethodGet, "/api/v1/clicks?format=ndjson&campaign="+url.QueryEscape(campaign), "", nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var all []Click
	for lines := json.NewDecoder(body); ; {
		var c Click
		switch err := lines.Decode(&c); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("read exported clicks: %w", err)
		}
		all = append(all, c)
	}
}
