package loader

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// newStore is a private MariaDB with what migrate, a redirector and a worker make at their first start.
func newStore(t *testing.T) (db *storage.DB, dsn string) {
	t.Helper()
	dsn = stack.Private(t, stack.MariaDB).DSN()
	db, err := storage.Open(t.Context(), storage.Options{DSN: dsn, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ctx := t.Context()
	if err := errors.Join(db.Migrate(ctx), db.EnsurePartitions(ctx, time.Now(), 2), db.EnsureDefaultDomain(ctx, "go.example")); err != nil {
		t.Fatal(err)
	}
	return db, dsn
}

// audited demands that every counter agrees with the rows, that as many are stored as the balance says, that nothing waits,
// and that the figures are complete up to now.
func audited(t *testing.T, db *storage.DB, stored int) {
	t.Helper()
	now := time.Now()
	differences, err := db.Audit(t.Context(), click.Day(now.AddDate(0, 0, -40).UnixMilli()), click.Day(now.AddDate(0, 0, 1).UnixMilli()))
	if err != nil || len(differences) > 0 {
		t.Errorf("%d counters differ from the rows, %v: %v", len(differences), err, differences[:min(len(differences), 5)])
	}
	n := int64(stored)
	if b, err := db.FeedBalance(t.Context(), 0); err != nil || b != (storage.FeedBalance{Answered: n, Stored: n}) {
		t.Errorf("balance %+v, %v; want %d stored and nothing waiting", b, err, stored)
	}
	if complete, err := db.Completeness(t.Context()); err != nil || complete < now.UnixMilli() {
		t.Errorf("complete_through is %v before now, %v", now.Sub(time.UnixMilli(complete)), err)
	}
}

func TestLoad(t *testing.T) {
	db, dsn := newStore(t)
	o := Options{DSN: dsn, Clicks: 20_000, Seed: 7, Campaigns: 3, Links: 5, Days: 30}
	loaded, err := Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Clicks != o.Clicks || !slices.Equal(loaded.Campaigns, []string{"load-1", "load-2", "load-3"}) {
		t.Errorf("%+v", loaded)
	}
	audited(t, db, o.Clicks)
	for _, c := range campaignsOf(t, db, 3) {
		count, err := db.Totals(t.Context(), c, 0)
		if err != nil || count.Machine == 0 || count.Unknown < 8*count.Machine || count.Uniques < count.Clicks/4 || count.Uniques > count.Clicks*6/10 {
			t.Errorf("campaign %d: %+v, %v", c, count, err)
		}
		if links, err := db.ByLink(t.Context(), c, nil, 10); err != nil || len(links) != 5 || links[0].Clicks < 2*links[4].Clicks {
			t.Errorf("campaign %d: links %+v, %v", c, links, err)
		}
	}
	// Again, with another seed: on top of the same campaigns and links.
	o.Clicks, o.Seed = 1_000, 8
	if _, err := Load(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	audited(t, db, 21_000)
	if n := len(campaignsOf(t, db, 10)); n != 3 {
		t.Errorf("%d campaigns after the second load; want the same 3", n)
	}
}

func campaignsOf(t *testing.T, db *storage.DB, limit int) []uint64 {
	t.Helper()
	ids, err := db.CampaignIDs(t.Context(), 1, 0, limit)
	if err != nil || len(ids) == 0 {
		t.Fatalf("campaigns %v, %v", ids, err)
	}
	return ids
}

// A load that is cut leaves true figures of what it stored, and nothing waits for the rest.
func TestLoadIsCut(t *testing.T) {
	db, dsn := newStore(t)
	ctx, cut := context.WithCancel(t.Context())
	stored := 0
	_, err := Load(ctx, Options{DSN: dsn, Clicks: 10_000_000, Seed: 1, Campaigns: 2, Links: 5, Days: 2, Progress: func(int) { cut() }})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	for _, c := range campaignsOf(t, db, 2) {
		count, err := db.Totals(t.Context(), c, 0)
		if err != nil {
			t.Fatal(err)
		}
		stored += int(count.Clicks)
	}
	if stored == 0 || stored > 1_000_000 {
		t.Errorf("%d clicks were stored before the cut", stored)
	}
	audited(t, db, stored)
}

// A campaign's clicks come in the order of time, after it was sent and before now, and the seed decides all but their ids.
func TestClicksOfTheSeed(t *testing.T) {
	now := time.Now()
	links := make([]link.Link, 4)
	for i := range links {
		links[i] = link.Link{ID: uint64(i + 1), Campaign: 1, Account: 1} //nolint:gosec // few
	}
	drawn := func(seed uint64) (all []click.Click) {
		c := newCampaign("c", links, 1000, 0, seed)
		c.sent, c.end = sending(now, 30, 0, 2)
		before := c.sent
		for ck := range clicks([]*campaign{c}) {
			if ck.ID.Time().Before(before.Truncate(time.Millisecond)) || ck.ID.Time().After(now) {
				t.Fatalf("click at %s: behind one at %s, now is %s", ck.ID.Time(), before, now)
			}
			before = ck.ID.Time()
			ck.ID = click.ID{}
			all = append(all, ck)
		}
		return all
	}
	seed := rand.Uint64N(1000)
	if a, b := drawn(seed), drawn(seed); !slices.Equal(a, b) || len(a) != 1000 {
		t.Error("the same seed gave other clicks")
	}
	if slices.Equal(drawn(seed), drawn(seed+1)) {
		t.Error("another seed gave the same clicks")
	}
}
