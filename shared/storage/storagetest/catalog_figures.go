package storagetest

import (
	"fmt"
	"slices"
	"testing"

	"longtail/shared/classify"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/storage"
)

var figureTests = []conformance{
	{"Figures", figures},
	{"FiguresAgainstRows", figuresAgainstRows},
	{"FiguresOfRows", figuresOfRows},
	{"Clickers", clickers},
	{"ExportSkipsNothing", exportSkipsNothing},
	{"Views", views},
	{"ViewsUseIndexes", viewsUseIndexes},
}

const quarterMS = 15 * 60_000

// on returns a click on a link, ms after noon.
func (w *world) on(l link.Link, ms int64, recipient string, class storage.Class) storage.ClickRow {
	row := w.at(ms, l.Campaign, l.Ordinal, recipient)
	row.Click.Link, row.Click.Account, row.Click.Domain, row.Class = l.ID, l.Account, l.Domain, class
	return row
}

func figures(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	made := w.create(newLink(campaign, domain, "one", "https://a.example/1"), newLink(campaign, domain, "two", "https://a.example/2"),
		newLink(campaign, domain, "none", "https://a.example/3"), newLink(campaign, domain, "gone", "https://a.example/4"))
	if _, err := w.db.DeleteLink(t.Context(), 1, made[3].ID, nil); err != nil {
		t.Fatal(err)
	}
	head := w.on(made[0], 0, "", storage.Machine)
	head.Click.Method = click.HEAD
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{
		head,
		w.on(made[0], 0, "anna", storage.Human),
		w.on(made[0], 59_999, "anna", storage.Human),
		w.on(made[1], 60_000, "anna", storage.Unknown),
		w.on(made[1], 60_000, "ben", storage.Machine),
		w.on(made[1], quarterMS, "", storage.Machine),
	}})
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{w.on(made[0], -quarterMS, "ben", storage.Human)}}) // late: moves ben's first
	for _, c := range []struct {
		name string
		link uint64
		of   []storage.Piece
		want storage.Count
	}{
		{"life", 0, nil, storage.Count{Clicks: 6, Human: 3, Machine: 2, Unknown: 1, Uniques: 2}},
		{"life of one", made[0].ID, nil, storage.Count{Clicks: 3, Human: 3, Uniques: 2}},
		{"life of two", made[1].ID, nil, storage.Count{Clicks: 3, Machine: 2, Unknown: 1, Uniques: 2}},
		{"first minute", 0, w.minutes(0, 60_000), storage.Count{Clicks: 2, Human: 2, Uniques: 1}},
		{"second minute", 0, w.minutes(60_000, 120_000), storage.Count{Clicks: 2, Machine: 1, Unknown: 1}},
		{"quarter before", 0, w.quarters(-quarterMS, 0), storage.Count{Clicks: 1, Human: 1, Uniques: 1}},
		{"quarter", 0, w.quarters(0, quarterMS), storage.Count{Clicks: 4, Human: 2, Machine: 1, Unknown: 1, Uniques: 1}},
		{"quarter of two", made[1].ID, w.quarters(0, quarterMS), storage.Count{Clicks: 2, Machine: 1, Unknown: 1}},
		{"mixed", 0, append(w.minutes(-quarterMS, 0), append(w.quarters(0, quarterMS), w.minutes(quarterMS, quarterMS+60_000)...)...),
			storage.Count{Clicks: 6, Human: 3, Machine: 2, Unknown: 1, Uniques: 2}},
		{"nothing", 0, []storage.Piece{}, storage.Count{}},
	} {
		got, err := w.db.Totals(t.Context(), campaign.ID, c.link)
		if c.of != nil {
			got, err = w.db.Sums(t.Context(), campaign.ID, c.link, c.of)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
	cells, err := w.db.Cells(t.Context(), campaign.ID, 0, append(w.minutes(-quarterMS, 0), w.quarters(0, 2*quarterMS)...))
	if want := []storage.Cell{{StartMS: w.now - quarterMS, Clicks: 1}, {StartMS: w.now, Clicks: 4}, {StartMS: w.now + quarterMS, Clicks: 1}}; err != nil || !slices.Equal(cells, want) {
		t.Errorf("cells: %+v, %v; want %+v", cells, err, want)
	}
	w.wantByLink(campaign.ID, domain.ID, nil, 10, "one 3 2", "two 3 2", "none 0 0")
	w.wantByLink(campaign.ID, domain.ID, nil, 1, "one 3 2")
	w.wantByLink(campaign.ID, domain.ID, w.minutes(60_000, 120_000), 10, "two 2 2", "one 0 2", "none 0 0")
	w.wantByLink(campaign.ID, domain.ID, w.quarters(0, quarterMS), 2, "one 2 2", "two 2 2")
	w.wantByLink(campaign.ID, domain.ID, []storage.Piece{}, 2, "one 0 2", "two 0 2")
}

// minutes is a piece of a range, in ms after noon, that is summed by minutes.
func (w *world) minutes(from, to int64) []storage.Piece {
	return []storage.Piece{{FromMS: w.now + from, ToMS: w.now + to}}
}

// quarters is one that is summed by quarter hours.
func (w *world) quarters(from, to int64) []storage.Piece {
	return []storage.Piece{{Quarters: true, FromMS: w.now + from, ToMS: w.now + to}}
}

// wantByLink compares the first links of a campaign, all on one domain, each as "code clicks uniques".
func (w *world) wantByLink(campaign uint64, domain uint32, pieces []storage.Piece, limit int, want ...string) {
	w.t.Helper()
	got, err := w.db.ByLink(w.t.Context(), campaign, pieces, limit)
	var told []string
	for _, l := range got {
		told = append(told, fmt.Sprintf("%s %d %d", l.Code, l.Clicks, l.Uniques))
		if l.Domain != domain || l.URL == "" || l.Human+l.Machine+l.Unknown != l.Clicks {
			w.t.Errorf("%+v", l)
		}
	}
	if err != nil || !slices.Equal(told, want) {
		w.t.Errorf("by link: %q, %v; want %q", told, err, want)
	}
}

// The parts of a range add up to the whole, and the counters say what the rows say.
func figuresAgainstRows(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	news := make([]storage.NewLink, 70) // more than a page of bits
	for i := range news {
		news[i] = newLink(campaign, domain, "", fmt.Sprintf("https://a.example/%d", i))
	}
	made := w.create(news...)
	var rows []storage.ClickRow
	for i := range 600 {
		recipient := fmt.Sprintf("r-%d", i*7%41)
		if i%3 == 0 {
			recipient = ""
		}
		rows = append(rows, w.on(made[i*i%len(made)], int64(i*i*131%(3*3600_000)), recipient, storage.Class(i%3)))
	}
	for some := range slices.Chunk(rows, 100) {
		w.ingest(storage.Batch{Clicks: some})
	}
	whole, err := w.db.Totals(t.Context(), campaign.ID, 0)
	if err != nil || whole.Clicks != 600 || whole.Uniques != w.number("SELECT COUNT(DISTINCT recipient) FROM clicks WHERE token = 1") {
		t.Errorf("whole %+v, %v", whole, err)
	}
	var sum storage.Count
	for from := int64(0); from < 3*3600_000; from += 5 * 60_000 {
		part, err := w.db.Sums(t.Context(), campaign.ID, 0, []storage.Piece{{FromMS: w.now + from, ToMS: w.now + from + 5*60_000}})
		if err != nil {
			t.Fatal(err)
		}
		sum = storage.Count{
			Clicks: sum.Clicks + part.Clicks, Human: sum.Human + part.Human, Machine: sum.Machine + part.Machine, Unknown: sum.Unknown + part.Unknown,
			Uniques: sum.Uniques + part.Uniques,
		}
	}
	if sum != whole {
		t.Errorf("the parts are %+v, the whole %+v", sum, whole)
	}
	links, err := w.db.ByLink(t.Context(), campaign.ID, nil, 1000)
	if err != nil || len(links) != len(made) {
		t.Errorf("%d links, %v", len(links), err)
	}
	for i, l := range links {
		clicks := w.number("SELECT COUNT(*) FROM clicks WHERE link_id = ?", l.Link)
		uniques := w.number("SELECT COUNT(DISTINCT recipient) FROM clicks WHERE link_id = ? AND token = 1", l.Link)
		if l.Clicks != clicks || l.Uniques != uniques || i > 0 && l.Clicks > links[i-1].Clicks {
			t.Errorf("link %d: %+v, rows say %d and %d", i, l, clicks, uniques)
		}
	}
}

func clickers(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	made := w.create(newLink(campaign, domain, "one", "https://a.example/1"))[0]
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{
		w.on(made, 5, "ben", storage.Human), w.on(made, 3, "ben", storage.Human), w.on(made, 9, "anna", storage.Human), w.on(made, 1, "", storage.Human),
	}})
	first, err := w.db.Recipients(t.Context(), campaign.ID, "", "", 1)
	if want := []storage.Clicker{{Recipient: "anna", Clicks: 1, FirstMS: w.now + 9, LastMS: w.now + 9}}; err != nil || !slices.Equal(first, want) {
		t.Errorf("%+v, %v", first, err)
	}
	rest, err := w.db.Recipients(t.Context(), campaign.ID, "", "anna", 10)
	if want := []storage.Clicker{{Recipient: "ben", Clicks: 2, FirstMS: w.now + 3, LastMS: w.now + 5}}; err != nil || !slices.Equal(rest, want) {
		t.Errorf("%+v, %v", rest, err)
	}
	for prefix, want := range map[string]int{"b": 1, "ben": 1, "bens": 0, "": 2} {
		if found, err := w.db.Recipients(t.Context(), campaign.ID, prefix, "", 10); err != nil || len(found) != want {
			t.Errorf("%q: %+v, %v; want %d", prefix, found, err, want)
		}
	}
}

func exportSkipsNothing(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	made := w.create(newLink(campaign, domain, "one", "https://a.example/1"), newLink(campaign, domain, "two", "https://a.example/2"))
	var rows []storage.ClickRow
	want := map[click.ID]string{}
	for i := range 300 {
		row := w.on(made[i%2], int64(i/5)*1000-12*3600_000, "", storage.Class(i%3)) // five in a millisecond, across midnight
		row.Rule = int16(classify.None)
		if row.Class == storage.Machine {
			row.Rule, want[row.Click.ID] = int16(classify.Crawler), "crawler"
		}
		rows = append(rows, row)
	}
	w.ingest(storage.Batch{Clicks: rows})
	seen := map[click.ID]bool{}
	var after click.ID
	for {
		page, err := w.db.Clicks(t.Context(), campaign.ID, 0, w.now+1, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			if seen[c.ID] || c.ID.String() <= after.String() {
				t.Fatalf("click %s came twice or out of order", c.ID)
			}
			if c.Reason != want[c.ID] {
				t.Errorf("a %s for the reason %q; want %q", c.Class, c.Reason, want[c.ID])
			}
			seen[c.ID], after = true, c.ID
		}
	}
	if len(seen) != len(rows) {
		t.Errorf("%d of %d clicks", len(seen), len(rows))
	}
	from, to := w.now-12*3600_000+3000, w.now-12*3600_000+5000
	part, err := w.db.Clicks(t.Context(), campaign.ID, from, to, click.ID{}, 100)
	if err != nil || len(part) != 10 || part[0].ID.MS() != from || part[9].ID.MS() != to-1000 {
		t.Errorf("%d clicks of a part, %v", len(part), err)
	}
	c := part[0]
	if c.Domain != "click.example" || c.Campaign != "spring" || c.Method != "GET" || c.Token != "none" || c.IP != "192.0.2.0" || c.URL == "" || c.Code == "" || c.Class == "" {
		t.Errorf("%+v", c)
	}
	ids, err := w.db.CampaignIDs(t.Context(), 1, 0, 10)
	if err != nil || !slices.Equal(ids, []uint64{campaign.ID}) {
		t.Errorf("campaigns %v, %v", ids, err)
	}
}
