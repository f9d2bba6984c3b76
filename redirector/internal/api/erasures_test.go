package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"longtail/shared/pool"
	"longtail/shared/storage"
)

func TestEraseRecipient(t *testing.T) {
	r := newRig(t)
	var job, later struct {
		ID, Kind, State string
		DoneAt          *time.Time `json:"done_at"`
		Result          *struct{ Campaigns int }
	}
	r.want(202, r.ask("DELETE", "/api/v1/recipients/R-18273", "", &job))
	if job.ID == "" || job.Kind != "erase" || job.State != "waiting" || job.DoneAt != nil || job.Result != nil {
		t.Errorf("%+v", job)
	}
	for _, want := range []string{"running", "done"} {
		if err := r.db.RunErasures(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		r.want(200, r.ask("GET", "/api/v1/jobs/"+job.ID, "", &later))
		if later.State != want || (later.DoneAt != nil) != (want == "done") || later.Result == nil || later.Result.Campaigns != 0 {
			t.Errorf("%+v, want %s", later, want)
		}
	}
	var p problemView
	r.want(422, r.ask("DELETE", "/api/v1/recipients/anna@shop.example", "", &p))
	if p.rule() != "recipient shape" {
		t.Errorf("%+v", p)
	}
	for _, id := range []string{strings.Repeat("0", 32), "x", job.ID + "00"} {
		r.want(404, r.ask("GET", "/api/v1/jobs/"+id, "", nil))
	}
	var log struct {
		Data []struct{ Action, Object string }
	}
	r.want(200, r.ask("GET", "/api/v1/audit", "", &log))
	if len(log.Data) != 1 || log.Data[0].Action != "recipient.erase" || strings.Contains(strings.ToLower(log.Data[0].Object), "18273") {
		t.Errorf("%+v", log)
	}
}

type tuningView struct {
	Consumers, Prefetch *int
	BatchSize           *int    `json:"batch_size"`
	BatchAge            *string `json:"batch_age"`
	InsertRate          *int    `json:"insert_rate"`
	Set                 []string
	Version             int
}

func TestTuning(t *testing.T) {
	r := newRig(t)
	var v tuningView
	r.want(200, r.ask("GET", "/api/v1/ops/tuning", "", &v))
	if v.Consumers != nil || v.BatchAge != nil || len(v.Set) != 0 || v.Version != 0 {
		t.Errorf("nobody lives, nothing is set: %+v", v)
	}
	worker := storage.WorkerState{ID: [16]byte{1}, PoolRate: 100, Consumers: 2, Prefetch: 50, BatchSize: 2000, BatchAgeMS: 1000}
	if _, err := r.db.Beat(t.Context(), worker, pool.Alive); err != nil {
		t.Fatal(err)
	}
	r.want(200, r.ask("PUT", "/api/v1/ops/tuning", `{"insert_rate":2000,"batch_age":"250ms","prefetch":null}`, &v))
	if *v.InsertRate != 2000 || *v.BatchAge != "250ms" || *v.Prefetch != 50 || *v.Consumers != 2 || *v.BatchSize != 2000 || strings.Join(v.Set, " ") != "batch_age insert_rate" || v.Version != 1 {
		t.Errorf("%+v", v)
	}
	r.want(412, r.ask("PUT", "/api/v1/ops/tuning", `{"insert_rate":1}`, nil, `If-Match: "0"`))
	r.want(200, r.ask("PUT", "/api/v1/ops/tuning", `{"consumers":0}`, &v, `If-Match: "1"`))
	r.want(200, r.ask("GET", "/api/v1/ops/tuning", "", &v))
	if *v.Consumers != 0 || *v.InsertRate != 100 || *v.BatchAge != "1s" || v.Version != 2 {
		t.Errorf("%+v", v)
	}
	for body, want := range map[string]string{
		`{"consumers":65}`: "consumers range", `{"prefetch":0}`: "prefetch range", `{"batch_size":10001}`: "batch_size range", `{"insert_rate":-1}`: "insert_rate range",
		`{"batch_age":"2m"}`: "batch_age range", `{"batch_age":"soon"}`: "batch_age shape", `{"batch_age":5}`: "batch_age type", `{"prefetch":"7"}`: "prefetch type",
		`{"rate":7}`: "rate unknown", `{"version":7}`: "version fixed",
	} {
		var p problemView
		if status := r.ask("PUT", "/api/v1/ops/tuning", body, &p); status != http.StatusUnprocessableEntity || p.rule() != want {
			t.Errorf("%s: %d %+v, want %s", body, status, p, want)
		}
	}
	var log struct {
		Data []struct {
			Action        string
			Before, After map[string]any
		}
	}
	r.want(200, r.ask("GET", "/api/v1/audit", "", &log))
	if len(log.Data) != 2 || log.Data[0].Action != "tuning.set" || log.Data[0].Before["insert_rate"] != 2000.0 || log.Data[0].After["consumers"] != 0.0 {
		t.Errorf("%+v", log)
	}
}
