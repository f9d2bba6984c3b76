package conformance

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/storage"
)

const (
	pageSize   = 100
	pageLinks  = 6000
	pagePeople = 6000
)

// A page costs the server as much as any other, however deep it lies: by its own count of the rows that it read.
func TestStoragePagesCostTheSame(t *testing.T) {
	server := stack.Private(t, stack.MariaDB)
	db, err := storage.Open(t.Context(), storage.Options{DSN: server.DSN(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ctx := t.Context()
	if err := errors.Join(db.Migrate(ctx), db.EnsurePartitions(ctx, time.Now(), 2), db.EnsureDefaultDomain(ctx, "go.example")); err != nil {
		t.Fatal(err)
	}
	links := paged(t, db, "paged")
	paged(t, db, "newer") // stands before it in the order of the account
	people := clickers(t, db, links[0])
	raw, err := sql.Open("mysql", server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })

	for _, depth := range []int{0, 1000, pageLinks / 2, pageLinks - pageSize} {
		before := uint64(0)
		if depth > 0 {
			before = links[len(links)-depth].ID
		}
		costs(t, raw, fmt.Sprintf("links behind %d others", depth), func() int {
			found, err := db.ListLinks(ctx, storage.LinkFilter{Account: 1, Campaign: "paged"}, before, pageSize)
			if err != nil || len(found) == 0 || found[0].ID != links[len(links)-depth-1].ID {
				t.Errorf("%d links, %v", len(found), err)
			}
			return len(found)
		})
		costs(t, raw, fmt.Sprintf("recipients behind %d others", depth), func() int {
			found, err := db.Recipients(ctx, links[0].Campaign, "", people[depth], pageSize)
			if err != nil {
				t.Error(err)
			}
			return len(found)
		})
	}
}

// costs demands that a question reads a few rows for each of its answers.
func costs(t *testing.T, raw *sql.DB, what string, ask func() int) {
	t.Helper()
	before := rowsRead(t, raw)
	n := ask()
	if read := rowsRead(t, raw) - before; n < pageSize-1 || read > 5*pageSize {
		t.Errorf("%s: %d rows were read for %d", what, read, n)
	}
}

// rowsRead is how many rows the server has read from tables since its start, but for those of its own.
func rowsRead(t *testing.T, raw *sql.DB) (n int) {
	t.Helper()
	err := raw.QueryRowContext(t.Context(), "SELECT SUM(VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS"+
		" WHERE VARIABLE_NAME IN ('HANDLER_READ_NEXT', 'HANDLER_READ_PREV', 'HANDLER_READ_KEY')").Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// paged makes a campaign of many links and returns them in the order of their ids.
func paged(t *testing.T, db *storage.DB, campaign string) (all []link.Link) {
	t.Helper()
	domains, err := db.Domains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asked := make([]storage.NewLink, pageLinks)
	for i := range asked {
		asked[i].Link = link.Link{Account: 1, Domain: domains[0].ID, CampaignName: campaign, URL: fmt.Sprintf("https://a.example/%d", i)}
	}
	for some := range slices.Chunk(asked, 1000) {
		made, err := db.CreateLinks(t.Context(), some)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made {
			if m.Err != nil {
				t.Fatal(m.Err)
			}
			all = append(all, m.Link)
		}
	}
	return all
}

// clickers lets many people click a link and returns their names in order.
func clickers(t *testing.T, db *storage.DB, l link.Link) (names []string) {
	t.Helper()
	var b storage.Batch
	for i := range pagePeople {
		names = append(names, fmt.Sprintf("r-%06d", i))
		b.Clicks = append(b.Clicks, storage.ClickRow{Recipient: names[i], Token: storage.TokenValid, Click: click.Click{
			ID: click.NewID(time.Now().UnixMilli()), Link: l.ID, Ordinal: l.Ordinal, Account: l.Account, Campaign: l.Campaign, Domain: l.Domain, Method: click.GET,
		}})
	}
	if _, err := db.Ingest(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return names
}
