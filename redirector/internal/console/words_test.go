package console

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"testing"

	"longtail/redirector/internal/rewrite"
)

// The host's plain name stands beside one that has letters of other alphabets, and nowhere else.
func TestPunycode(t *testing.T) {
	for address, want := range map[string]string{
		"https://аррӏе.example/login": "xn--80ak6aa92e.example", "https://bücher.example/": "xn--bcher-kva.example", "https://BÜCHER.example:8080/": "xn--bcher-kva.example",
		"https://shop.example/ü": "", "https://SHOP.example/": "", "https://xn--bcher-kva.example/": "", "no address": "", "https://[::1]/": "", ":": "",
	} {
		if got := punycode(address); got != want {
			t.Errorf("%s: %q; want %q", address, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		n    any
		want string
	}{{0, "0"}, {int64(999), "999"}, {1000, "1\u202f000"}, {-1234567, "-1\u202f234\u202f567"}, {2345.6, "2\u202f346"}, {new(int64(1200)), "1\u202f200"}} {
		if got := number(c.n); got != c.want {
			t.Errorf("%v: %q; want %q", c.n, got, c.want)
		}
	}
}

// Who asks for a zone gets it, or is told by the API that it is none; a browser's that is none is UTC.
func TestZoneOf(t *testing.T) {
	for _, c := range []struct{ asked, browser, want string }{
		{"", "", "UTC"}, {"", "Asia%2FKolkata", "Asia/Kolkata"}, {"Europe/Berlin", "Asia%2FKolkata", "Europe/Berlin"},
		{"Mars", "Asia%2FKolkata", "Mars"}, {"", "Mars", "UTC"}, {"", "Local", "UTC"}, {"", "%zz", "UTC"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/console/campaigns?tz="+c.asked, nil)
		if c.browser != "" {
			r.Header.Set("Cookie", "longtail_zone="+c.browser)
		}
		if got := zoneOf(r); got != c.want {
			t.Errorf("asked for %q in %q: %q; want %q", c.asked, c.browser, got, c.want)
		}
	}
	if zone := location("Local").String(); zone != "UTC" {
		t.Errorf("the server's own zone is shown as %s", zone)
	}
}

// Of an audited change stands there what differs.
func TestChanges(t *testing.T) {
	e := entry{
		Before: map[string]json.RawMessage{"url": json.RawMessage(`"https://a.example"`), "state": json.RawMessage(`"live"`), "name": json.RawMessage(`"old"`)},
		After:  map[string]json.RawMessage{"url": json.RawMessage(`"https://b.example"`), "state": json.RawMessage(`"live"`), "tags": json.RawMessage(`["x"]`), "name": json.RawMessage(`null`)},
	}
	want := []fieldChange{{"name", "old", ""}, {"tags", "", `["x"]`}, {"url", "https://a.example", "https://b.example"}}
	if got := e.Changes(); !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
	if got := (entry{}).Changes(); len(got) != 0 {
		t.Errorf("%q of nothing", got)
	}
}

// Why a link is left alone is told in a sentence.
func TestWhy(t *testing.T) {
	for _, reason := range rewrite.Reasons {
		if (skipped{Reason: string(reason)}).Why() == "" {
			t.Errorf("%s has no words", reason)
		}
	}
}

func TestTags(t *testing.T) {
	if got := tags(" sale, red shoes ,, x,"); !slices.Equal(got, []string{"sale", "red shoes", "x"}) {
		t.Errorf("%q", got)
	}
	if got := tags(" "); got == nil || len(got) != 0 {
		t.Errorf("%#v; want an empty list, which takes all tags away", got)
	}
}
