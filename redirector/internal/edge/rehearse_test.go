package edge

import (
	"errors"
	"testing"
)

// TestRehearsal: whatever is hit, a rehearsal answers and shows what an Edge answers and records.
func TestRehearsal(t *testing.T) {
	l := newLinks()
	for _, hit := range []Hit{
		{Method: "GET", Path: "/" + code, UserAgent: "agent", Referrer: "https://mail.example/", IP: "192.0.2.0"},
		{Method: "HEAD", Path: "/" + code + "/" + token, Prefetch: true},
		{Method: "GET", Path: "/" + code + "/" + token + "%27", UserAgent: string(make([]byte, 600))},
		{Method: "GET", Path: "/" + code + "/private", UserAgent: "agent", IP: "192.0.2.0"},
		{Method: "GET", Path: "/forwarding", RawQuery: "utm_source=a&x=b&q=c"},
		{Method: "GET", Path: "/expired"},
		{Method: "GET", Path: "/disabled", Host: "dead.example"},
		{Method: "GET", Path: "/nothing-here"},
		{Method: "GET", Path: "/robots.txt"},
		{Method: "GET", Path: "/-/ready"},
		{Method: "POST", Path: "/" + code},
	} {
		kept := &pages{}
		want := newEdge(t, l, kept).Answer(t.Context(), &hit)
		got := Rehearse(t.Context(), l, &hit)
		if got.Result != want {
			t.Errorf("%+v: %+v, an edge answers %+v", hit, got.Result, want)
		}
		if (got.Click != nil) != (kept.count == 1) || got.Click != nil && *got.Click != kept.last {
			t.Errorf("%+v: %+v, an edge records %+v", hit, got.Click, kept.last)
		}
	}
	if got := Rehearse(t.Context(), l, &Hit{Method: "GET", Path: "/DISABLED/x"}); got.Code != "disabled" || got.Target.ID != 7 {
		t.Errorf("%+v", got)
	}
	l.err = errors.New("gone")
	if got := Rehearse(t.Context(), l, &Hit{Method: "GET", Path: "/" + code}); got.Status != 503 || got.Code != code || got.Click != nil {
		t.Errorf("%+v", got)
	}
}
