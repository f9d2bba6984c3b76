package spool

import (
	"testing"

	"longtail/shared/click"
)

// A click is found where it stands while its spool is open, before and after the broker confirmed it; another's is not.
func TestFind(t *testing.T) {
	o := testOptions(t.TempDir())
	s := open(t, o)
	ids := make([]click.ID, 50)
	for i := range ids {
		c := newClick(uint64(i))
		if err := s.Append(&c); err != nil {
			t.Fatal(err)
		}
		ids[i] = c.ID
	}
	want := func(id click.ID, confirmed bool) Place {
		t.Helper()
		found, err := Find(t.Context(), o.Dir, id)
		if err != nil || len(found) != 1 || found[0].Feed != s.Live().ID() || found[0].Confirmed != confirmed {
			t.Fatalf("found %+v, %v; want one place in the live feed, confirmed %v", found, err, confirmed)
		}
		return found[0]
	}
	if first, last := want(ids[0], false), want(ids[49], false); first.Offset != 0 || last.Offset <= first.Offset {
		t.Errorf("offsets %d and %d; want 0 and a later one", first.Offset, last.Offset)
	}
	d, err := s.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.Done(nil)
	want(ids[0], true)
	if found, err := Find(t.Context(), o.Dir, click.ID{1}); err != nil || len(found) != 0 {
		t.Errorf("found %+v, %v of a click that was never there", found, err)
	}
}
