package storagetest

import (
	"errors"
	"testing"

	"longtail/shared/link"
	"longtail/shared/storage"
)

// createSameCode: a repeated import finds its links again, and no other ones.
func createSameCode(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	with := func(code, url string) storage.NewLink {
		l := newLink(campaign, domain, code, url)
		l.SameCode = true
		return l
	}
	first := w.create(with("0123456789ab", "https://a.example/"), with("x", "https://b.example/"))
	again, err := w.db.CreateLinks(t.Context(), []storage.NewLink{
		0: with("0123456789ab", "https://a.example/"),
		1: with("x", "https://other.example/"), // the code leads elsewhere
		2: with("new", "https://c.example/"),
		3: with("new", "https://c.example/"),                    // the same again, in the chunk
		4: with("new", "https://d.example/"),                    // and another one
		5: newLink(campaign, domain, "x", "https://b.example/"), // not an import
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := again[0]; !r.Existing || r.Link.ID != first[0].ID {
		t.Errorf("the same code and URL: %+v", r)
	}
	if r := again[3]; again[2].Existing || again[2].Err != nil || !r.Existing || r.Link.ID != again[2].Link.ID {
		t.Errorf("twice in a chunk: %+v, %+v", again[2], r)
	}
	for _, i := range []int{1, 4, 5} {
		if !errors.Is(again[i].Err, link.ErrTaken) {
			t.Errorf("link %d: %+v", i, again[i])
		}
	}
	other := with("x", "https://b.example/")
	other.Account = 2
	if r, err := w.db.CreateLinks(t.Context(), []storage.NewLink{other}); err != nil || !errors.Is(r[0].Err, link.ErrTaken) {
		t.Errorf("of another account: %+v, %v", r, err)
	}
}
