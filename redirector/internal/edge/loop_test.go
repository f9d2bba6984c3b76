package edge

import (
	"testing"

	"longtail/redirector/internal/resolve"
	"longtail/shared/link"
)

// ring is a world of two tracking domains whose links lead to each other.
func ring() *links {
	a, b := &resolve.Domain{ID: 1, Host: "a.example", FallbackURL: "https://b.example/off"}, &resolve.Domain{ID: 2, Host: "b.example"}
	off := &resolve.Domain{ID: 3, Host: "c.example", FallbackURL: "https://c.example/ended"}
	to := func(url string) resolve.Target { return resolve.Target{State: link.Live, URL: url} }
	return &links{
		domains: map[string]*resolve.Domain{"": a, "a.example": a, "A.EXAMPLE.": a, "b.example": b, "c.example": off, "c.example:8443": off, "xn--bcher-kva.example": {ID: 4, Host: "xn--bcher-kva.example"}},
		targets: map[string]resolve.Target{
			"self":     to("https://a.example/self"),
			"self2":    to("https://A.EXAMPLE./SELF2/x?y#z"),
			"there":    to("http://b.example/back?x=1"),
			"back":     to("https://a.example/there"),
			"into":     to("https://a.example/there"), // leads into the ring
			"chain":    to("https://b.example/shop"),
			"shop":     to("https://shop.example/"),
			"nothing":  to("https://b.example/no-such-code"),
			"root":     to("https://b.example/"),
			"port":     to("https://a.example:8443/port"),
			"deadend":  to("https://a.example/ended"),
			"ended":    {State: link.Deleted},
			"off":      {State: link.Disabled},
			"umlaut":   to("https://b\u00fccher.example/umlaut"),
			"like":     to("https://a.example.evil.example/like"),
			"query":    to("https://shop.example/?u=https://a.example/query"),
			"unrooted": to("https://a.example?unrooted"),
		},
	}
}

func TestLoops(t *testing.T) {
	for code, want := range map[string]int{
		"self": 410, "self2": 410, "there": 410, "back": 410, "into": 410, "umlaut": 410,
		"chain": 302, "shop": 302, "nothing": 302, "root": 302, "port": 302, "deadend": 302, "like": 302, "query": 302, "unrooted": 302,
	} {
		journal := &pages{}
		e := newEdge(t, ring(), journal)
		got := e.Answer(t.Context(), &Hit{Method: "GET", Host: "a.example", Path: "/" + code})
		if got.Status != want || (got.Outcome == Looped) != (want == 410) || (journal.count == 1) != (want == 302) {
			t.Errorf("%s: %+v, %d clicks recorded", code, got, journal.count)
		}
	}
}

func TestLoopsOfFallbacks(t *testing.T) {
	e := newEdge(t, ring(), &pages{})
	// a.example's fallback is a dead link of b.example, which has none: the way ends.
	if got := e.Answer(t.Context(), &Hit{Method: "GET", Host: "a.example", Path: "/ended"}); got.Status != 302 || got.Outcome != Fallback {
		t.Errorf("%+v", got)
	}
	// c.example's fallback is its own dead link.
	if got := e.Answer(t.Context(), &Hit{Method: "GET", Host: "c.example", Path: "/ended"}); got.Status != 410 || got.Outcome != Gone {
		t.Errorf("%+v", got)
	}
	// The port tells servers apart.
	if got := e.Answer(t.Context(), &Hit{Method: "GET", Host: "c.example:8443", Path: "/ended"}); got.Status != 302 {
		t.Errorf("%+v", got)
	}
}

// TestForeignCodes: on a domain with codes of another maker more shapes are looked up, on others none of them.
func TestForeignCodes(t *testing.T) {
	r := ring()
	r.targets["x"], r.targets["-a_"] = r.targets["shop"], r.targets["shop"]
	r.domains["f.example"] = &resolve.Domain{ID: 5, Host: "f.example", ForeignCodes: true}
	for _, code := range []string{"x", "X", "-a_", "x%27"} {
		e := newEdge(t, r, &pages{})
		if got := e.Answer(t.Context(), &Hit{Method: "GET", Host: "f.example", Path: "/" + code}); got.Status != 302 {
			t.Errorf("%s: %+v", code, got)
		}
		before := r.lookups
		if got := e.Answer(t.Context(), &Hit{Method: "GET", Host: "b.example", Path: "/" + code}); got.Status != 404 || r.lookups != before {
			t.Errorf("%s on another domain: %+v", code, got)
		}
	}
}
