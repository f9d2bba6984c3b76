package conformance

import (
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/shared/storage"
)

// TestStorageSurvivesKilledServer kills MariaDB with -9 again and again while two workers store the same clicks, each
// trying a batch until it is told that it is stored. Then every click must be one row and one count.
func TestStorageSurvivesKilledServer(t *testing.T) {
	const kills, pause = 4, 700 * time.Millisecond
	server := stack.Private(t, stack.MariaDB)
	open := func() *storage.DB {
		db, err := storage.Open(t.Context(), storage.Options{DSN: server.DSN(), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	db := open()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	batches := make(chan []storage.ClickRow)
	var told, struck [2]int // struck: transactions that the kills ended, whoever began them again
	var wg sync.WaitGroup
	each := [2]chan []storage.ClickRow{make(chan []storage.ClickRow, 4), make(chan []storage.ClickRow, 4)}
	for worker, in := range each {
		store := open()
		wg.Go(func() {
			for rows := range in {
				for { // at least once, like a redelivery
					out, err := store.Ingest(t.Context(), storage.Batch{Clicks: rows})
					struck[worker] += out.Retries
					if err == nil {
						break
					}
					if struck[worker]++; t.Context().Err() != nil {
						return
					}
				}
				told[worker] += len(rows)
			}
		})
	}
	sent := 0
	wg.Go(func() {
		defer close(each[0])
		defer close(each[1])
		for rows := range batches {
			for _, in := range each {
				in <- slices.Clone(rows)
			}
		}
	})
	for range kills {
		for end := time.Now().Add(pause); time.Now().Before(end); sent += benchBatch / 5 {
			batches <- benchRows(true)[:benchBatch/5]
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(batches)
	wg.Wait()
	wantCounted(t, server, sent)
	t.Logf("server killed %d times; 2 workers stored %d clicks each (%d and %d transactions were ended by it and begun again): rows %d, lost 0, duplicated 0",
		kills, sent, struck[0], struck[1], sent)
	if told != [2]int{sent, sent} || struck[0]+struck[1] == 0 {
		t.Fatalf("told stored %v of %d, struck %v: want all, and at least one struck", told, sent, struck)
	}
}

// wantCounted compares the rows with the sums of every counter.
func wantCounted(t *testing.T, server *stack.Database, want int) {
	t.Helper()
	db, err := sql.Open("mysql", server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, query := range []string{
		"SELECT COUNT(*) FROM clicks", "SELECT SUM(clicks) FROM link_minutes WHERE link_id = 0", "SELECT SUM(clicks) FROM link_quarters WHERE link_id > 0",
		"SELECT SUM(clicks) FROM link_totals WHERE link_id = 0", "SELECT SUM(feed_counts.stored) FROM feed_counts", "SELECT SUM(clicks) FROM recipients",
	} {
		var got string
		if err := db.QueryRowContext(t.Context(), query).Scan(&got); err != nil || got != fmt.Sprint(want) {
			t.Errorf("%s: %s (%v), want %d", query, got, err, want)
		}
	}
}
