package storagetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// figuresOfRows: pieces of rows have any borders, agree with the cells, and add up however they are cut.
func figuresOfRows(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	made := w.create(newLink(campaign, domain, "one", "https://a.example/1"), newLink(campaign, domain, "two", "https://a.example/2"))
	other, err := w.db.EnsureCampaign(t.Context(), 1, "autumn")
	if err != nil {
		t.Fatal(err)
	}
	foreign := w.create(newLink(other, domain, "three", "https://a.example/3"))[0]
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w.crowd(random, append(made, foreign))

	from, to := int64(-90_000), int64(90_000)
	whole := w.sum(campaign.ID, 0, rows(w.now+from, w.now+to))
	if life, err := w.db.Totals(t.Context(), campaign.ID, 0); err != nil || whole != life || whole.Clicks == 0 || whole.Uniques == 0 {
		t.Errorf("all rows are %+v, the life %+v, %v", whole, life, err)
	}
	for range 60 {
		a, b := from+random.Int64N(to-from), from+random.Int64N(to-from)
		a, b = w.now+min(a, b), w.now+max(a, b)
		parts := []storage.Count{w.sum(campaign.ID, 0, rows(w.now+from, a)), w.sum(campaign.ID, 0, rows(a, b)), w.sum(campaign.ID, 0, rows(b, w.now+to))}
		if got := plus(parts...); got != whole {
			t.Fatalf("cut at %d and %d: %+v, whole %+v", a-w.now, b-w.now, parts, whole)
		}
		w.agree(campaign.ID, made, a, b, parts[1])
	}
	// Rows beside cells in one question: 45 s of one minute, a whole one, 30 s of the next.
	mixed := []storage.Piece{{Rows: true, FromMS: w.now - 45_000, ToMS: w.now}, {FromMS: w.now, ToMS: w.now + 60_000}, {Rows: true, FromMS: w.now + 60_000, ToMS: w.now + 90_000}}
	if got, want := w.sum(campaign.ID, 0, mixed), w.sum(campaign.ID, 0, rows(w.now-45_000, w.now+90_000)); got != want {
		t.Errorf("mixed %+v, rows alone %+v", got, want)
	}
	if got := w.sum(campaign.ID, 0, rows(w.now+100_000, w.now+160_000)); got != (storage.Count{}) {
		t.Errorf("of nothing: %+v", got)
	}
	w.cellsOfRows(campaign.ID, mixed)
}

func rows(from, to int64) []storage.Piece {
	return []storage.Piece{{Rows: true, FromMS: from, ToMS: to}}
}

// crowd stores clicks of few recipients in many batches, three minutes around noon, not in the order of time: firsts move.
// Several share a millisecond, and a few are HEAD.
func (w *world) crowd(random *rand.Rand, links []link.Link) {
	w.t.Helper()
	for range 12 {
		var some []storage.ClickRow
		for range 25 {
			recipient := fmt.Sprintf("r-%d", random.IntN(40))
			if random.IntN(4) == 0 {
				recipient = ""
			}
			row := w.on(links[random.IntN(len(links))], random.Int64N(180)*1000-90_000, recipient, storage.Class(random.IntN(3)))
			if random.IntN(8) == 0 {
				row.Click.Method = click.HEAD
			}
			some = append(some, row)
		}
		w.ingest(storage.Batch{Clicks: some})
	}
}

func (w *world) sum(campaign, link uint64, pieces []storage.Piece) storage.Count {
	w.t.Helper()
	c, err := w.db.Sums(w.t.Context(), campaign, link, pieces)
	if err != nil {
		w.t.Fatal(err)
	}
	if c.Clicks != c.Human+c.Machine+c.Unknown {
		w.t.Fatalf("%+v does not add up", c)
	}
	return c
}

func plus(parts ...storage.Count) (sum storage.Count) {
	for _, p := range parts {
		sum.Clicks, sum.Human, sum.Machine, sum.Unknown = sum.Clicks+p.Clicks, sum.Human+p.Human, sum.Machine+p.Machine, sum.Unknown+p.Unknown
		sum.Uniques += p.Uniques
	}
	return sum
}

// agree compares a piece of rows with a plain count of the table, for the campaign and for each link.
func (w *world) agree(campaign uint64, made []link.Link, from, to int64, got storage.Count) {
	w.t.Helper()
	const counted = " FROM clicks WHERE campaign_id = ? AND method = 1 AND time_ms >= ? AND time_ms < ?"
	want := storage.Count{
		Clicks:  w.number("SELECT COUNT(*)"+counted, campaign, from, to),
		Human:   w.number("SELECT COUNT(*)"+counted+" AND class = 1", campaign, from, to),
		Machine: w.number("SELECT COUNT(*)"+counted+" AND class = 2", campaign, from, to),
		Unknown: w.number("SELECT COUNT(*)"+counted+" AND class = 0", campaign, from, to),
		Uniques: w.number("SELECT COUNT(*) FROM (SELECT MIN(time_ms) AS first FROM clicks WHERE campaign_id = ? AND method = 1 AND token = 1"+
			" GROUP BY recipient) AS f WHERE first >= ? AND first < ?", campaign, from, to),
	}
	if got != want {
		w.t.Errorf("[%d, %d): %+v, the table says %+v", from-w.now, to-w.now, got, want)
	}
	links, err := w.db.ByLink(w.t.Context(), campaign, rows(from, to), 10)
	if err != nil || len(links) != len(made) {
		w.t.Fatalf("by link: %+v, %v", links, err)
	}
	for _, l := range links {
		one := w.sum(campaign, l.Link, rows(from, to))
		clicks := w.number("SELECT COUNT(*)"+counted+" AND link_id = ?", campaign, from, to, l.Link)
		l.Uniques = 0 // of its life
		if one != l.Count || one.Clicks != clicks {
			w.t.Errorf("link %d: %+v alone, %+v among all, %d in the table", l.Link, one, l.Count, clicks)
		}
	}
}

// cellsOfRows: a piece of rows is one cell that begins where the piece does.
func (w *world) cellsOfRows(campaign uint64, mixed []storage.Piece) {
	w.t.Helper()
	cells, err := w.db.Cells(w.t.Context(), campaign, 0, append(mixed, rows(w.now+200_000, w.now+200_001)...))
	if err != nil {
		w.t.Fatal(err)
	}
	var want []storage.Cell
	for _, p := range mixed {
		if n := w.sum(campaign, 0, []storage.Piece{p}).Clicks; n > 0 {
			want = append(want, storage.Cell{StartMS: p.FromMS, Clicks: n})
		}
	}
	if !slices.Equal(cells, want) {
		w.t.Errorf("cells %+v, want %+v", cells, want)
	}
}
