package links_test

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
)

// TestEnsureAllTogether: rewriters that meet at one target all get its one code, and it passes on what each of them wants.
func TestEnsureAllTogether(t *testing.T) {
	s, _ := newService(t)
	codes := make([]string, 8)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			r := s.EnsureAll(t.Context(), one, "c", "", []links.Wanted{{URL: "https://a.example/", Forward: []string{"n" + strconv.Itoa(i)}}})
			codes[i] = r[0].Link.Code
		})
	}
	all.Wait()
	r, err := s.Find(t.Context(), one, "", codes[0])
	if err != nil || len(r.Link.Forward) != len(codes) || len(slices.Compact(codes)) != 1 {
		t.Errorf("%+v %v %q", r, err, codes)
	}
}

// TestEnsureAllFailsAlone: chunks before and behind a bad target are stored.
func TestEnsureAllFailsAlone(t *testing.T) {
	s, m := newService(t)
	wanted := make([]links.Wanted, 1201)
	for i := range wanted {
		wanted[i].URL = "https://a.example/" + strconv.Itoa(i)
	}
	wanted[600].URL = "https://"
	limited := account.Principal{Account: 1, Role: account.Write, Hosts: "a.example"}
	wanted[700].URL = "https://b.example/"
	results := s.EnsureAll(t.Context(), limited, "c", "", wanted)
	for i, r := range results {
		told, _ := errors.AsType[*problem.Problem](r.Err)
		switch {
		case i == 600 && told != nil && told.Errors[0].Rule == link.RuleURLAbsolute:
		case i == 700 && told != nil && told.Errors[0].Rule == problem.RuleTargetHost:
		case r.Err != nil || r.Link.URL != wanted[i].URL:
			t.Errorf("%d: %+v", i, r)
		}
	}
	m.Down = errors.New("gone")
	for _, r := range s.EnsureAll(t.Context(), limited, "c", "", wanted) {
		if r.Err == nil {
			t.Fatalf("%+v", r)
		}
	}
}

// TestTracks: the account's own domains and the installation's, with the port of tracked URLs.
func TestTracks(t *testing.T) {
	s, _ := newService(t)
	tracks, err := s.Tracks(t.Context(), two)
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]bool{s.TrackedURL("two.example", "x"): true, s.TrackedURL("go.example", "x"): true, "https://two.example:9999/x": false, "https://other.example/x": false} {
		target, err := link.NewTarget(url)
		if err != nil || tracks(target) != want {
			t.Errorf("%s: %v %v", url, tracks(target), err)
		}
	}
}
