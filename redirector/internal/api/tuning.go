package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/pool"
	"longtail/shared/storage"
)

// Tuning is what workers are told while they run.
type Tuning interface {
	Tuning(ctx context.Context) (body []byte, version int, err error)
	// SetTuning is link.ErrStale if the version is not the one that was seen.
	SetTuning(ctx context.Context, account uint32, body []byte, seen int) (version int, err error)
	Workers(ctx context.Context, alive time.Duration) ([]storage.WorkerState, error)
}

func (s *server) tuningRoutes() {
	register(s, call{method: http.MethodGet, path: "/api/v1/ops/tuning", id: "get-tuning", summary: "How the workers store clicks now",
		role: account.Operator}, s.getTuning)
	register(s, call{method: http.MethodPut, path: "/api/v1/ops/tuning", id: "put-tuning",
		summary: "Tell all workers how to store clicks, while they run and from now on, within five seconds", role: account.Operator, errors: []int{412},
		body: tuningBody{}}, s.putTuning)
}

// age is a duration as the settings write it.
type age pool.Span

// UnmarshalJSON reads an age.
func (a *age) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return &link.RuleError{Rule: problem.RuleType, Detail: "a string is wanted"}
	}
	if err := (*pool.Span)(a).UnmarshalText([]byte(text)); err != nil {
		return &link.RuleError{Rule: problem.RuleShape, Detail: "a duration such as 500ms is wanted"}
	}
	return nil
}

// Schema describes an age.
func (a age) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Nullable: true, Examples: []any{"500ms"}}
}

// tuningBody is what wins over the settings of every worker. A field that is not there, or null, does not.
type tuningBody struct {
	Consumers  *int `json:"consumers,omitempty" nullable:"true" doc:"Of each worker, 0 to 64; 0 = nobody stores anything."`
	Prefetch   *int `json:"prefetch,omitempty" nullable:"true" doc:"Messages in hand of each consumer, 1 to 2000."`
	BatchSize  *int `json:"batch_size,omitempty" nullable:"true" doc:"Clicks of a transaction, 1 to 10,000."`
	BatchAge   *age `json:"batch_age,omitempty" doc:"Longest wait of a click for its batch to fill, 1ms to 1m."`
	InsertRate *int `json:"insert_rate,omitempty" nullable:"true" doc:"Rows a second of the whole pool; 0 = no limit."`
}

func (*tuningBody) fixed() []string { return []string{"version", "set"} }

func (b *tuningBody) tuning() pool.Tuning {
	return pool.Tuning{Consumers: b.Consumers, Prefetch: b.Prefetch, BatchSize: b.BatchSize, BatchAge: (*pool.Span)(b.BatchAge), InsertRate: b.InsertRate}
}

// tuningView is what is at work. What nobody set is the setting of the eldest worker, null while none lives.
type tuningView struct {
	Consumers  *int     `json:"consumers"`
	Prefetch   *int     `json:"prefetch"`
	BatchSize  *int     `json:"batch_size"`
	BatchAge   *string  `json:"batch_age"`
	InsertRate *int     `json:"insert_rate"`
	Set        []string `json:"set" doc:"The fields that win over the settings of the workers; the others are the eldest worker's own."`
	Version    int      `json:"version" doc:"0 = nothing was ever set."`
}

type tuningAnswer struct {
	ETag string `header:"ETag"`
	Body tuningView
}

func (s *server) getTuning(ctx context.Context, _ account.Principal, _ *struct{}) (*tuningAnswer, error) {
	now, version, err := s.tuned(ctx)
	if err != nil {
		return nil, err
	}
	return s.viewTuning(ctx, now, version)
}

// tuned returns what was set.
func (s *server) tuned(ctx context.Context) (t pool.Tuning, version int, err error) {
	body, version, err := s.tuning.Tuning(ctx)
	if err == nil && version > 0 {
		if err = json.Unmarshal(body, &t); err != nil {
			err = fmt.Errorf("decode tuning: %w", err)
		}
	}
	return t, version, err
}

func (s *server) viewTuning(ctx context.Context, t pool.Tuning, version int) (*tuningAnswer, error) {
	workers, err := s.tuning.Workers(ctx, pool.Alive)
	if err != nil {
		return nil, err
	}
	out := &tuningAnswer{ETag: etag(uint32(version)), Body: tuningView{Set: []string{}, Version: version}}
	v := &out.Body
	if len(workers) > 0 {
		w := &workers[0]
		v.Consumers, v.Prefetch, v.BatchSize, v.InsertRate = &w.Consumers, &w.Prefetch, &w.BatchSize, &w.PoolRate
		v.BatchAge = new((time.Duration(w.BatchAgeMS) * time.Millisecond).String())
	}
	v.set("consumers", &v.Consumers, t.Consumers)
	v.set("prefetch", &v.Prefetch, t.Prefetch)
	v.set("batch_size", &v.BatchSize, t.BatchSize)
	if t.BatchAge != nil {
		v.BatchAge = new(time.Duration(*t.BatchAge).String())
		v.Set = append(v.Set, "batch_age")
	}
	v.set("insert_rate", &v.InsertRate, t.InsertRate)
	return out, nil
}

func (v *tuningView) set(name string, to **int, value *int) {
	if value != nil {
		*to = value
		v.Set = append(v.Set, name)
	}
}

func (s *server) putTuning(ctx context.Context, who account.Principal, in *struct {
	IfMatch string `header:"If-Match" doc:"The ETag that was seen; 412 if somebody was faster."`
	Doc     document[tuningBody]
}) (*tuningAnswer, error) {
	want := in.Doc.value.tuning()
	var bad problem.Fields
	want.Check(func(field, detail string) { bad.Add(field, problem.RuleRange, detail) })
	if err := bad.Err(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(want)
	if err != nil {
		return nil, err
	}
	seen := parseIfMatch(in.IfMatch)
	for {
		_, version, err := s.tuning.Tuning(ctx)
		if err != nil {
			return nil, err
		}
		if seen != nil && !slices.Contains(seen, uint32(version)) {
			return nil, link.ErrStale
		}
		version, err = s.tuning.SetTuning(ctx, who.Account, body, version)
		switch {
		case err == nil:
			return s.viewTuning(ctx, want, version)
		case !errors.Is(err, link.ErrStale) || seen != nil || ctx.Err() != nil:
			return nil, err
		}
	}
}
