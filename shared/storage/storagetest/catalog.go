package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"longtail/shared/link"
	"longtail/shared/storage"
)

// Catalog runs the suite of the catalog and of what reads the figures. Every test has a database of its own.
func Catalog(t *testing.T, fresh Fresh) {
	t.Helper()
	for _, test := range concat(linkTests, objectTests, figureTests, eraseTests, catalogFaultTests) {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh) })
	}
}

var linkTests = []conformance{
	{"CreateAndFind", createAndFind},
	{"CreateRefAndReuse", createRefAndReuse},
	{"CreateFindsALoneRef", createFindsALoneRef},
	{"CreateTaken", createTaken},
	{"CreateBulkStatements", createBulkStatements},
	{"CreateAtOnce", createAtOnce},
	{"UpdateLink", updateLink},
	{"ListLinks", listLinks},
	{"CreateSameCode", createSameCode},
}

// newCatalog is a world with the default domain and a campaign.
func newCatalog(t *testing.T, fresh Fresh) (*world, storage.Campaign, storage.Domain) {
	t.Helper()
	w := newWorld(t, fresh)
	if err := w.db.EnsureDefaultDomain(t.Context(), "click.example"); err != nil {
		t.Fatal(err)
	}
	domains, err := w.db.Domains(t.Context())
	if err != nil || len(domains) != 1 {
		t.Fatalf("domains: %+v, %v", domains, err)
	}
	campaign, err := w.db.EnsureCampaign(t.Context(), 1, "spring")
	if err != nil {
		t.Fatal(err)
	}
	return w, campaign, domains[0]
}

func newLink(c storage.Campaign, d storage.Domain, code, url string) storage.NewLink {
	return storage.NewLink{Link: link.Link{Domain: d.ID, Code: code, Account: c.Account, Campaign: c.ID, CampaignName: c.Name, URL: url}}
}

// create makes links that must all come about.
func (w *world) create(links ...storage.NewLink) []link.Link {
	w.t.Helper()
	results, err := w.db.CreateLinks(w.t.Context(), links)
	if err != nil {
		w.t.Fatal(err)
	}
	made := make([]link.Link, len(results))
	for i, r := range results {
		if r.Err != nil || r.Existing {
			w.t.Fatalf("link %d: %+v", i, r)
		}
		made[i] = r.Link
	}
	return made
}

func createAndFind(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	want := newLink(campaign, domain, "summer-sale", "https://shop.example/%C3%A4?x=1&y=ü#z")
	want.Name, want.Ref, want.Tags, want.Forward = "Überschrift", "ref-1", []string{"zeta", "alpha"}, []string{"utm_source"}
	want.ExpiresMS, want.KeyID = w.now+1000, [8]byte([]byte("k3J9s0aB"))
	made := w.create(want)[0]
	if made.ID == 0 || made.Version != 1 || made.State != link.Live || made.CreatedMS == 0 || made.CampaignName != "spring" {
		t.Errorf("made %+v", made)
	}
	found, err := w.db.FindLink(t.Context(), domain.ID, "summer-sale")
	if err != nil || fmt.Sprintf("%+v", found) != fmt.Sprintf("%+v", made) {
		t.Errorf("found %+v, %v; made %+v", found, err, made)
	}
	plain := w.create(newLink(campaign, domain, "", "https://shop.example/"))[0]
	codes, err := w.db.CodeKey(t.Context())
	if err != nil || !codes.Checks(plain.Code) || plain.Ordinal != made.Ordinal+1 || plain.Tags != nil || plain.KeyID != [8]byte{} {
		t.Errorf("made %+v, %v", plain, err)
	}
	both, err := w.db.FindLinks(t.Context(), []uint64{made.ID, plain.ID, 99999})
	if err != nil || len(both) != 2 {
		t.Errorf("found %d of 2, %v", len(both), err)
	}
	facts, err := w.db.LinkFacts(t.Context(), []uint64{made.ID})
	if f := facts[made.ID]; err != nil || f.CampaignName != "spring" || f.Ordinal != made.Ordinal || f.Domain != domain.ID {
		t.Errorf("facts %+v, %v", facts, err)
	}
	for _, code := range []string{"SUMMER-SALE", "summer-sal", "summer-sale "} {
		if _, err := w.db.FindLink(t.Context(), domain.ID, code); !errors.Is(err, link.ErrNotFound) {
			t.Errorf("%q: %v", code, err)
		}
	}
	if n, err := w.db.LastChange(t.Context()); err != nil || n != w.seq() || len(w.changes(storage.ChangedLink)) != 0 {
		t.Errorf("a create wrote changes: %d, %v", n, err)
	}
}

func (w *world) seq() uint64 { return uint64(w.number("SELECT COALESCE(MAX(seq), 0) FROM changes")) }

func (w *world) changes(kind storage.ChangeKind) []storage.Change {
	w.t.Helper()
	all, err := w.db.Changes(w.t.Context(), 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(c storage.Change) bool { return c.Kind != kind })
}

func createRefAndReuse(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	with := func(url, ref string, reuse bool) storage.NewLink {
		l := newLink(campaign, domain, "", url)
		l.Ref, l.Reuse = ref, reuse
		return l
	}
	chunk := []storage.NewLink{
		0: with("https://a.example/", "one", false),
		1: with("https://a.example/", "one", false), // the same again
		2: with("https://b.example/", "one", false), // conflict within the chunk
		3: with("https://a.example/", "", true),     // reuse of 0
		4: with("https://c.example/", "", true),
		5: with("https://c.example/", "three", true), // reuse of 4
		6: with("https://c.example/", "", false),     // its own
	}
	check := func(existing bool) {
		t.Helper()
		r, err := w.db.CreateLinks(t.Context(), chunk)
		if err != nil {
			t.Fatal(err)
		}
		if r[0].Existing != existing || r[4].Existing != existing || !r[1].Existing || !r[3].Existing || !r[5].Existing || r[6].Existing {
			t.Errorf("existing: %+v", r)
		}
		if r[1].Link.ID != r[0].Link.ID || r[3].Link.ID != r[0].Link.ID || r[5].Link.ID != r[4].Link.ID || r[4].Link.ID == r[0].Link.ID || r[6].Link.ID == r[4].Link.ID {
			t.Errorf("links: %+v", r)
		}
		if r[2].Err == nil || !errors.Is(r[2].Err, link.ErrConflict) || r[0].Link.ID == 0 {
			t.Errorf("conflict: %+v", r[2])
		}
	}
	check(false)
	check(true)
	if n := w.number("SELECT next_ordinal FROM campaigns WHERE id = ?", campaign.ID); n != 4 {
		t.Errorf("4 links took %d ordinals", n)
	}
	r, err := w.db.CreateLinks(t.Context(), chunk[4:5])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.DeleteLink(t.Context(), 1, r[0].Link.ID, nil); err != nil {
		t.Fatal(err)
	}
	second, err := w.db.CreateLinks(t.Context(), chunk[4:5])
	if err != nil || second[0].Link.ID == r[0].Link.ID || !second[0].Existing {
		t.Errorf("a deleted link was reused, or the living one was not: %+v, %v", second, err)
	}
	other := with("https://z.example/", "one", false)
	other.Account, other.Campaign, other.CampaignName = 2, 0, "spring"
	if l := w.create(other)[0]; l.Campaign == campaign.ID || l.Ordinal != 0 {
		t.Errorf("another account's campaign: %+v", l)
	}
}

func createTaken(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	chunk := []storage.NewLink{
		newLink(campaign, domain, "sale", "https://a.example/"),
		newLink(campaign, domain, "sale", "https://a.example/"),
		newLink(campaign, domain, "0123456789ab", "https://a.example/"),
	}
	r, err := w.db.CreateLinks(t.Context(), chunk)
	if err != nil || r[0].Err != nil || !errors.Is(r[1].Err, link.ErrTaken) || r[2].Err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := w.db.DeleteLink(t.Context(), 1, r[0].Link.ID, nil); err != nil {
		t.Fatal(err)
	}
	again := append(chunk, newLink(campaign, domain, "", "https://a.example/"), newLink(campaign, domain, "sale2", "https://a.example/"))
	r, err = w.db.CreateLinks(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	for i, taken := range []bool{true, true, true, false, false} {
		if errors.Is(r[i].Err, link.ErrTaken) != taken {
			t.Errorf("link %d: %+v", i, r[i])
		}
	}
}

// A chunk of 500 is a handful of statements, and so is a single create.
func createBulkStatements(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	counted := &faults{}
	db := w.store(counted)
	var statements []string
	counted.set(func(statement string) error {
		statements = append(statements, statement[:min(len(statement), 60)])
		return nil
	}, nil)
	chunk := make([]storage.NewLink, 500)
	for i := range chunk {
		chunk[i] = newLink(campaign, domain, "", fmt.Sprintf("https://a.example/%d", i))
		chunk[i].Ref, chunk[i].Reuse, chunk[i].Tags = fmt.Sprintf("ref-%d", i), true, []string{"t", fmt.Sprint(i % 7)}
	}
	if _, err := db.CodeKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	statements = nil
	r, err := db.CreateLinks(t.Context(), chunk)
	if err != nil {
		t.Fatal(err)
	}
	if len(statements) > 10 {
		t.Errorf("a chunk of 500 took %d statements: %q", len(statements), statements)
	}
	for i := range r {
		found, err := db.FindLink(t.Context(), domain.ID, r[i].Link.Code)
		if err != nil || found.ID != r[i].Link.ID || found.URL != chunk[i].URL || found.Ordinal != uint32(i) {
			t.Fatalf("link %d: %+v, %v", i, found, err)
		}
	}
	single := newLink(campaign, domain, "abcdefghjkmn", "https://b.example/")
	statements = nil
	if _, err := db.CreateLinks(t.Context(), []storage.NewLink{single}); err != nil {
		t.Fatal(err)
	}
	if len(statements) != 3 { // with COMMIT
		t.Errorf("a single create took %q", statements)
	}
}

// Many who create the same at once get the same links, and no bit is given twice.
func createAtOnce(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	const workers, links = 8, 20
	ids := make([][]uint64, workers)
	var wg sync.WaitGroup
	for n := range workers {
		wg.Go(func() {
			for i := range links {
				one := newLink(campaign, domain, "", fmt.Sprintf("https://a.example/%d", i))
				if one.Reuse = true; i%2 == 0 {
					one.Ref, one.Reuse = fmt.Sprint("ref", i), false
				}
				r, err := w.db.CreateLinks(t.Context(), []storage.NewLink{one, newLink(campaign, domain, "", "https://own.example/")})
				if err != nil || r[0].Err != nil || r[1].Err != nil {
					t.Errorf("create: %+v, %v", r, err)
					return
				}
				ids[n] = append(ids[n], r[0].Link.ID)
			}
		})
	}
	wg.Wait()
	for n := range ids {
		if !slices.Equal(ids[n], ids[0]) {
			t.Errorf("worker %d got %v, worker 0 %v", n, ids[n], ids[0])
		}
	}
	if n, bits := w.number("SELECT COUNT(*) FROM links"), w.number("SELECT COUNT(DISTINCT ordinal) FROM links"); n != links+workers*links || bits != n {
		t.Errorf("%d links with %d bits", n, bits)
	}
}

func updateLink(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	l := w.create(newLink(campaign, domain, "sale", "https://a.example/"))[0]
	ctx := storage.AsActor(t.Context(), "k3J9s0aB")
	url, tags, old := "https://b.example/ü", []string{"x", "y"}, uint32(1)
	next, err := w.db.UpdateLink(ctx, 1, l.ID, storage.Patch{URL: &url, Tags: &tags}, &old)
	if err != nil || next.Version != 2 || next.URL != url || !slices.Equal(next.Tags, tags) {
		t.Fatalf("%+v, %v", next, err)
	}
	if found, err := w.db.FindLink(t.Context(), domain.ID, "sale"); err != nil || fmt.Sprint(found) != fmt.Sprint(next) {
		t.Errorf("found %+v, %v", found, err)
	}
	if _, err := w.db.UpdateLink(ctx, 1, l.ID, storage.Patch{URL: &url}, &old); !errors.Is(err, link.ErrStale) {
		t.Errorf("old version: %v", err)
	}
	if _, err := w.db.UpdateLink(ctx, 2, l.ID, storage.Patch{URL: &url}, nil); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("another account: %v", err)
	}
	if same, err := w.db.UpdateLink(ctx, 1, l.ID, storage.Patch{URL: &url}, nil); err != nil || same.Version != 2 {
		t.Errorf("no change: %+v, %v", same, err)
	}
	for range 2 {
		if gone, err := w.db.DeleteLink(ctx, 1, l.ID, nil); err != nil || gone.Version != 3 || gone.State != link.Deleted {
			t.Errorf("deleted: %+v, %v", gone, err)
		}
	}
	live := link.Live
	if _, err := w.db.UpdateLink(ctx, 1, l.ID, storage.Patch{State: &live}, nil); !errors.Is(err, link.ErrStale) {
		t.Errorf("a deleted link came back: %v", err)
	}
	changes := w.changes(storage.ChangedLink)
	if len(changes) != 2 || changes[0].Object != l.ID || changes[0].Version != 2 || changes[1].Version != 3 {
		t.Errorf("changes: %+v", changes)
	}
	history, err := w.db.LinkHistory(t.Context(), l.ID, 0, 10)
	if err != nil || len(history) != 2 || history[0].Version != 3 || history[0].Before.URL != url || history[1].Before.URL != l.URL || history[1].Before.Tags != nil {
		t.Errorf("history: %+v, %v", history, err)
	}
	audit, err := w.db.AuditLog(t.Context(), 1, 0, 10)
	if err != nil || len(audit) != 2 || audit[0].Action != "link.delete" || audit[1].Actor != "k3J9s0aB" || audit[1].Object != "sale" {
		t.Errorf("audit: %+v, %v", audit, err)
	}
	reuse := newLink(campaign, domain, "", "https://a.example/")
	reuse.Reuse = true
	w.create(reuse) // nothing leads there any more
}

func listLinks(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	other, err := w.db.EnsureCampaign(t.Context(), 1, "autumn")
	if err != nil {
		t.Fatal(err)
	}
	tagged := newLink(campaign, domain, "tagged", "https://a.example/needle")
	tagged.Tags = []string{"red", "red", "blue"}
	named := newLink(other, domain, "named", "https://a.example/")
	named.Name = "the needle's eye"
	w.create(newLink(campaign, domain, "plain", "https://a.example/"), tagged, named)
	for _, c := range []struct {
		filter storage.LinkFilter
		before uint64
		limit  int
		want   []string
	}{
		{storage.LinkFilter{Account: 1}, 0, 10, []string{"named", "tagged", "plain"}},
		{storage.LinkFilter{Account: 1}, 0, 2, []string{"named", "tagged"}},
		{storage.LinkFilter{Account: 1}, 2, 2, []string{"plain"}},
		{storage.LinkFilter{Account: 2}, 0, 10, nil},
		{storage.LinkFilter{Account: 1, Campaign: "spring"}, 0, 10, []string{"tagged", "plain"}},
		{storage.LinkFilter{Account: 1, Campaign: "spring"}, 0, 1, []string{"tagged"}},
		{storage.LinkFilter{Account: 1, Campaign: "spring"}, 2, 10, []string{"plain"}},
		{storage.LinkFilter{Account: 1, Campaign: "spring"}, 1, 10, nil},
		{storage.LinkFilter{Account: 1, Campaign: "spring"}, 3, 10, []string{"tagged", "plain"}}, // another campaign's
		{storage.LinkFilter{Account: 1, Campaign: "none"}, 0, 10, nil},
		{storage.LinkFilter{Account: 1, Tag: "red"}, 0, 10, []string{"tagged"}},
		{storage.LinkFilter{Account: 1, Query: "needle"}, 0, 10, []string{"named", "tagged"}},
		{storage.LinkFilter{Account: 1, Query: "NeeDLE"}, 0, 10, []string{"named", "tagged"}},
		{storage.LinkFilter{Account: 1, Query: "needle", Tag: "blue", Campaign: "spring"}, 0, 10, []string{"tagged"}},
	} {
		found, err := w.db.ListLinks(t.Context(), c.filter, c.before, c.limit)
		var codes []string
		for _, l := range found {
			codes = append(codes, l.Code)
		}
		if err != nil || !slices.Equal(codes, c.want) {
			t.Errorf("%+v before %d: %v, %v; want %v", c.filter, c.before, codes, err, c.want)
		}
	}
}
