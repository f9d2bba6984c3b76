package storagetest

import (
	"errors"
	"fmt"
	"testing"

	"longtail/shared/link"
	"longtail/shared/storage"
)

// Of many refs whichever is there already is found, wherever it stands among the new ones, and nothing is made twice.
func createFindsALoneRef(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	many := func(round int) []storage.NewLink {
		links := make([]storage.NewLink, 100)
		for i := range links {
			links[i] = newLink(campaign, domain, "", fmt.Sprintf("https://a.example/%d", i))
			links[i].Ref = fmt.Sprintf("round-%d-%d", round, i)
		}
		return links
	}
	for round, at := range []int{0, 7, 99} {
		asked := many(round)
		one := w.create(asked[at])[0]
		for repeat := range 2 {
			results, err := w.db.CreateLinks(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				if r.Err != nil || r.Existing != (i == at || repeat > 0) || i == at && r.Link.ID != one.ID {
					t.Errorf("round %d, time %d, link %d: %+v", round, repeat, i, r)
				}
			}
		}
		asked[at].URL = "https://elsewhere.example/"
		if results, err := w.db.CreateLinks(t.Context(), asked); err != nil || !errors.Is(results[at].Err, link.ErrConflict) {
			t.Errorf("another target: %+v, %v", results[at], err)
		}
	}
	if n := w.number("SELECT COUNT(*) FROM links WHERE campaign_id = ?", campaign.ID); n != 300 {
		t.Errorf("%d links, want 300", n)
	}
}
