package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"longtail/redirector/internal/problem"
)

func TestDoor(t *testing.T) {
	var d door
	ask := func(method string) (*httptest.ResponseRecorder, string) {
		answer := httptest.NewRecorder()
		d.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, "/api/v1/links", http.NoBody))
		return answer, answer.Header().Get("Content-Type")
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		answer, media := ask(method)
		if answer.Code != 503 || media != "application/problem+json" || answer.Header().Get("Retry-After") == "" || answer.Header().Get("Request-Id") == "" {
			t.Errorf("%s before the database is there: %d %v", method, answer.Code, answer.Header())
		}
		var p problem.Problem
		if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil || p.Status != 503 || p.Code != problem.Unavailable || p.Errors == nil {
			t.Errorf("%s: %s (%v), want a whole problem", method, answer.Body, err)
		}
	}
	var behind http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Method+" "+r.URL.Path) })
	d.behind.Store(&behind)
	if answer, _ := ask("POST"); answer.Code != 200 || answer.Body.String() != "POST /api/v1/links" || answer.Header().Get("Retry-After") != "" {
		t.Errorf("behind the door: %d %s", answer.Code, answer.Body)
	}
}
