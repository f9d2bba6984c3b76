package console

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"longtail/redirector/internal/account"
)

func (c *Console) pipelineRoutes() {
	c.page("/console/pipeline", page{"pipeline", account.Operator, c.pipeline})
	c.change("POST /console/pipeline/deadletters", account.Operator, c.deadLetters)
}

// pipelineView is the way of a click, with each keeper and what it holds.
type pipelineView struct {
	ArrivalPerS float64 `json:"arrival_per_s"`
	InsertPerS  float64 `json:"insert_per_s"`
	InsertRate  int64   `json:"insert_rate"`
	Backlog     struct {
		Spool  int64 `json:"spool"`
		Broker int64 `json:"broker"`
		Held   int64 `json:"held"`
	} `json:"backlog"`
	Oldest struct {
		Spool  *float64 `json:"spool"`
		Broker *float64 `json:"broker"`
		Held   *float64 `json:"held"`
	} `json:"oldest"`
	OldestS     float64       `json:"oldest_seconds"`
	Workers     []worker      `json:"workers"`
	DeadLetters int64         `json:"dead_letters"`
	Unrecorded  int64         `json:"unrecorded"`
	HoldingBack []holdingBack `json:"holding_back"`
	Advice      []struct {
		Code string `json:"code"`
		Text string `json:"text"`
	} `json:"advice"`

	Letters list[letter] `json:"-"`
	Zone    *time.Location
}

type worker struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Share        int64     `json:"share"`
	PrefetchUsed int64     `json:"prefetch_used"`
	InsertPerS   float64   `json:"insert_per_s"`
	Seen         time.Time `json:"seen"`
}

type holdingBack struct {
	Instance string    `json:"instance"`
	Feed     string    `json:"feed"`
	Since    time.Time `json:"since"`
	Waiting  int64     `json:"waiting"`
}

type letter struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Detail string    `json:"detail"`
}

func (c *Console) pipeline(ctx context.Context, s *session, r *http.Request) (view, error) {
	v := pipelineView{Zone: location(zoneOf(r))}
	if err := c.ask(ctx, s.who, "/api/v1/ops/pipeline", &v); err != nil {
		return view{}, err
	}
	q := url.Values{"limit": {"50"}}
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		q.Set("cursor", cursor)
	}
	err := c.ask(ctx, s.who, "/api/v1/ops/deadletters?"+q.Encode(), &v.Letters)
	return view{
		Title: "Pipeline", Data: v, Live: []string{"way", "rate", "workers", "holding"},
		Point: []int64{time.Now().Unix(), int64(math.Round(v.ArrivalPerS)), int64(math.Round(v.InsertPerS)), v.InsertRate},
	}, err
}

// deadLetters replays or drops what is chosen.
func (c *Console) deadLetters(w http.ResponseWriter, r *http.Request, s *session) {
	do := r.PostFormValue("do")
	if do != "replay" && do != "drop" {
		c.problemPage(w, r, http.StatusBadRequest, "Nothing to do", "Choose to replay or to drop.")
		return
	}
	body := map[string]any{"ids": r.PostForm["id"]}
	var came struct{ Stored, Refused, Dropped int }
	err := c.call(r.Context(), s.who, request{method: http.MethodPost, path: "/api/v1/ops/deadletters/" + do, body: body}, &came)
	if err != nil {
		c.trouble(w, r, err)
		return
	}
	done := fmt.Sprintf("Dropped %d.", came.Dropped)
	if do == "replay" {
		done = fmt.Sprintf("Stored %d, refused again %d.", came.Stored, came.Refused)
	}
	back(w, r, "/console/pipeline", done)
}
