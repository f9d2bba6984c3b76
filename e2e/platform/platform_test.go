package platform

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"longtail/e2e/oracle"
)

// answering serves one text for each path.
func answering(t *testing.T, texts map[string]string) *API {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := texts[r.Method+" "+r.URL.Path]
		if r.Header.Get("Authorization") != "Bearer k" || !ok {
			http.Error(w, "no", http.StatusNotFound)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(s.Close)
	return &API{Base: s.URL, Key: "k"}
}

const bulk = "POST /api/v1/links/bulk"

func TestCreateLinks(t *testing.T) {
	line := func(code string) string {
		return `{"code":"` + code + `","url":"https://a/` + code + `","tracked_url":"http://go.example/` + code + `"}` + "\n"
	}
	a := answering(t, map[string]string{bulk: line("c1") + line("c2") + `{"done":true,"created":2}`})
	links, err := a.CreateLinks(t.Context(), "c", []string{"https://a/c1", "https://a/c2"})
	if err != nil {
		t.Fatal(err)
	}
	if want := (oracle.Link{Code: "c2", Path: "/c2", URL: "https://a/c2"}); len(links) != 2 || links[1] != want {
		t.Errorf("links %v", links)
	}
	for text, want := range map[string]string{
		line("c1") + line("c2"):                        "cut",
		line("c1") + `{"done":true}`:                   "1 of 2",
		line("c1") + `{"error":{"code":"exists"}}`:     "refused",
		line("c1") + `<html>` + `{"done":true}` + "\n": "read the answer",
	} {
		a := answering(t, map[string]string{bulk: text})
		if _, err := a.CreateLinks(t.Context(), "c", []string{"https://a/", "https://b/"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

func TestResults(t *testing.T) {
	a := answering(t, map[string]string{
		"GET /api/v1/campaigns/c/signing-keys": `{"keys":[{"id":"1","key_hex":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},{"key_hex":"00"}]}`,
		"GET /api/v1/campaigns/c/balance":      `{"answered":10,"stored":7,"waiting":2,"set_aside":1}`,
		"GET /api/v1/campaigns/c/stats": `{"clicks":7,"human":1,"machine":2,"unknown":4,"unique_recipients":3,"complete_through":"2026-11-24T10:00:00.250Z",
			"gaps":[{"from":"x","to":"y","reason":"late","clicks":null}],"links":[{"code":"c1","clicks":7,"unique_recipients":3}]}`,
	})
	key, err := a.SigningKey(t.Context(), "c")
	if err != nil || key.Token("r-18273") != "r-18273.d240fec7273c2d14b5dba4365108172e" {
		t.Errorf("key %x, error %v", key, err)
	}
	if b, err := a.Balance(t.Context(), "c"); err != nil || b != (Balance{10, 7, 2, 1}) {
		t.Errorf("balance %+v, error %v", b, err)
	}
	r, err := a.Results(t.Context(), "c")
	if err != nil || r.Clicks != 7 || r.Links["c1"].UniqueRecipients != 3 || r.CompleteThrough.Nanosecond() != 250e6 || len(r.Gaps) != 1 {
		t.Errorf("results %+v, error %v", r, err)
	}
	if _, err := a.Balance(t.Context(), "other"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v, want one that tells the status", err)
	}
}
