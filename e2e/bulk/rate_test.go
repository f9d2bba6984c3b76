package bulk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"longtail/shared/storage"
)

const (
	rounds    = 2
	most      = 5 // rounds, while others keep the machine busy
	perRound  = 100_000
	rawChunk  = 1000
	leastRate = 0.5 // of the reference
)

// TestBulkRate compares bulk creation with the least that any design must do: the same rows into the same tables of the
// same server, a thousand to an INSERT. The two take turns, and of each the fastest round counts: what else the machine does
// only ever makes one slower.
func TestBulkRate(t *testing.T) {
	s := newSite(t)
	raw := rawTables(t, s)
	ours, reference := time.Hour, time.Hour
	ratio := 0.0
	for round := 0; round < rounds || round < most && ratio < leastRate; round++ {
		campaign := fmt.Sprintf("round-%d", round)
		path := lines(t, campaign, perRound, nil)
		begin := time.Now()
		if a := s.writeFirst(t, path); a.done.Created != perRound {
			t.Fatalf("%+v", a.done)
		}
		ours = min(ours, time.Since(begin))
		begin = time.Now()
		insertRaw(t, raw, uint64(round+1), campaign)
		reference = min(reference, time.Since(begin))
		ratio = reference.Seconds() / ours.Seconds()
	}
	// Every line was created, or this would have ended above; how fast is told and never fails.
	t.Logf("bulk %.0f a second, reference %.0f a second, ratio %.2f; the goal is %.2f", rate(perRound, ours), rate(perRound, reference), ratio, leastRate)
}

// rawTables are the product's own, in a database beside.
func rawTables(t *testing.T, s *site) *sql.DB {
	t.Helper()
	if _, err := s.db.ExecContext(t.Context(), "CREATE DATABASE reference"); err != nil {
		t.Fatal(err)
	}
	dsn := strings.TrimSuffix(s.server.DSN(), "/longtail") + "/reference"
	db, err := storage.Open(t.Context(), storage.Options{DSN: dsn, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("mysql", dsn+"?interpolateParams=true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

func insertRaw(t *testing.T, db *sql.DB, campaign uint64, name string) {
	t.Helper()
	for first := 1; first <= perRound; first += rawChunk {
		if err := insertChunk(t.Context(), db, campaign, name, first); err != nil {
			t.Fatal(err)
		}
	}
}

func insertChunk(ctx context.Context, db *sql.DB, campaign uint64, name string, first int) error {
	const columns = 13
	args := make([]any, 0, rawChunk*columns)
	for i := first; i < first+rawChunk; i++ {
		url := []byte(target(i))
		hash := sha256.Sum256(url)
		args = append(args, 1, []byte(strings.ToLower(rand.Text()[:12])), 1, campaign, i, url, hash[:16], fmt.Appendf(nil, "%s-%d", name, i),
			nil, nil, 1, 1, time.Now().UnixMilli())
	}
	marks := strings.TrimSuffix(strings.Repeat("("+strings.TrimSuffix(strings.Repeat("?,", columns), ",")+"),", rawChunk), ",")
	_, err := db.ExecContext(ctx, "INSERT INTO links (domain_id, code, account_id, campaign_id, ordinal, url, url_hash, ref, name, key_id, state, version, created_ms) VALUES "+marks, args...)
	return err
}
