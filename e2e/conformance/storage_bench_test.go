package conformance

import (
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

// benchBatch is the number of clicks of one transaction.
const benchBatch = 1000

// BenchmarkIngest measures what a click costs MariaDB: as a bare row, with its rollups, and with exact uniques. One
// iteration is one batch; the metric is microseconds for each click.
func BenchmarkIngest(b *testing.B) {
	server := stack.Private(b, stack.MariaDB)
	db, err := storage.Open(b.Context(), storage.Options{DSN: server.DSN(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	bare, err := sql.Open("mysql", server.DSN()+"?interpolateParams=true")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = bare.Close() })
	ingest := func(rows []storage.ClickRow) error {
		_, err := db.Ingest(b.Context(), storage.Batch{Clicks: rows, Ranges: []storage.Range{{Feed: rows[0].Feed, From: time.Now().UnixNano(), To: time.Now().UnixNano() + 1}}})
		return err
	}
	for _, c := range []struct {
		name       string
		recipients bool
		store      func([]storage.ClickRow) error
	}{
		{"bare-rows", false, func(rows []storage.ClickRow) error { return insertBare(b, bare, rows) }},
		{"ingest-without-recipients", false, ingest},
		{"ingest-with-recipients", true, ingest},
	} {
		b.Run(c.name, func(b *testing.B) { measure(b, bare, c.recipients, c.store) })
	}
}

func measure(b *testing.B, db *sql.DB, recipients bool, store func([]storage.ClickRow) error) {
	b.Helper()
	statements := func() (n int64) {
		var name string
		if err := db.QueryRowContext(b.Context(), "SHOW GLOBAL STATUS LIKE 'Com_insert'").Scan(&name, &n); err != nil {
			b.Fatal(err)
		}
		return n
	}
	for range 20 { // pages in memory, connections open
		if err := store(benchRows(recipients)); err != nil {
			b.Fatal(err)
		}
	}
	before, clicks := statements(), 0
	for b.Loop() {
		b.StopTimer()
		rows := benchRows(recipients)
		b.StartTimer()
		if err := store(rows); err != nil {
			b.Fatal(err)
		}
		clicks += len(rows)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(clicks), "us/click")
	b.ReportMetric(float64(statements()-before)/float64(b.N), "inserts/batch")
}

// benchRows are the clicks of one campaign in one second: 50 links with a long tail, 100,000 recipients.
func benchRows(recipients bool) []storage.ClickRow {
	rows := make([]storage.ClickRow, benchBatch)
	now := time.Now().UnixMilli()
	for i := range rows {
		ordinal := uint32(min(rand.ExpFloat64()*8, 49))
		rows[i] = storage.ClickRow{Feed: queue.FeedID{1}, Class: storage.Unknown, Click: click.Click{
			ID: click.NewID(now + int64(i)), Link: uint64(ordinal) + 1, Ordinal: ordinal, Account: 1, Campaign: 1, Domain: 1, Method: click.GET,
			IP: "198.51.100.0", UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
			Referrer: "https://mail.example.com/",
		}}
		if recipients {
			rows[i].Token, rows[i].Recipient = storage.TokenValid, fmt.Sprintf("r-%d", rand.IntN(100_000))
		}
	}
	return rows
}

// insertBare is the least that any design must do: the same rows, one statement, one commit.
func insertBare(b *testing.B, db *sql.DB, rows []storage.ClickRow) error {
	b.Helper()
	args := make([]any, 0, len(rows)*17)
	for i := range rows {
		r := &rows[i]
		c := &r.Click
		args = append(args, c.Campaign, c.ID[:], c.ID.Day(), c.Account, c.Link, []byte(r.Recipient), uint8(r.Token), uint8(c.Method), uint8(r.Class),
			int64(c.Flags), []byte(c.IP), []byte(c.UserAgent), []byte(c.Referrer), c.ID.MS(), c.ID.MS(), r.Rule, r.Rules)
	}
	marks := strings.TrimSuffix(strings.Repeat("("+strings.TrimSuffix(strings.Repeat("?,", 17), ",")+"),", len(rows)), ",")
	_, err := db.ExecContext(b.Context(), "INSERT INTO clicks (campaign_id, event_id, day, account_id, link_id, recipient, token, method, class, flags,"+
		" ip, user_agent, referrer, time_ms, inserted_ms, rule, rules) VALUES "+marks, args...)
	return err
}
