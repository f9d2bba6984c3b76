package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"longtail/e2e/oracle"
	"longtail/e2e/stack"
	"longtail/shared/ingest"
	"longtail/shared/link"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

// What a worker has by default.
const (
	batchSize = 2000
	batchAge  = time.Second
	window    = 500
)

// rowsPerSecond of Options.Round is how much one round inserts.
const rowsPerSecond = 12500

// secret signs the recipients of what is ingested.
var secret = []byte("a secret of benchmarks: 32 bytes")

// A mill is a database, messages to ingest, and the same clicks as text for LOAD DATA.
type mill struct {
	db    *storage.DB
	raw   *sql.DB
	links []link.Link
}

// ingestion measures the rows a second that one loop of ingest brings from messages into MariaDB, all counters
// included, beside one LOAD DATA LOCAL INFILE of the same rows into a table of the same shape.
func ingestion(ctx context.Context, o Options) (lines []line, err error) {
	start, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	server, err := stack.MariaDB(start, o.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Kill9(), os.RemoveAll(o.Dir)) }()
	m, err := openMill(start, server.DSN())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.raw.Close(), m.db.Close()) }()
	n := int(o.Round.Seconds() * rowsPerSecond)
	var contenders []contender
	for _, kind := range []string{"without recipients", "with recipients"} {
		p := newProduce(m.links, n, kind == "with recipients")
		contenders = append(contenders,
			contender{"ingest " + kind, func(ctx context.Context) (sample, error) { return m.ingest(ctx, o, server, p, 1) }},
			contender{"two loops " + kind, func(ctx context.Context) (sample, error) { return m.ingest(ctx, o, server, p, 2) }},
			contender{"LOAD DATA " + kind, func(ctx context.Context) (sample, error) { return m.loadData(ctx, o, server, p) }})
	}
	got, err := alternate(ctx, o, contenders)
	if err != nil {
		return nil, err
	}
	return ingestLines(got), nil
}

func ingestLines(got results) (lines []line) {
	for _, k := range []struct{ kind, goal string }{{"without recipients", ">= 0.5"}, {"with recipients", ">= 0.3"}} {
		ours, ref := "ingest "+k.kind, "LOAD DATA "+k.kind
		lines = append(lines,
			compare("ingest: rows "+k.kind+", beside LOAD DATA", "1/s", k.goal, got, quantity{ours, "rate"}, quantity{ref, "rate"}),
			compare("ingest: rows "+k.kind+", two workers' loops, beside LOAD DATA", "1/s", "", got, quantity{"two loops " + k.kind, "rate"}, quantity{ref, "rate"}),
			compare("ingest: CPU of MariaDB "+k.kind+", beside LOAD DATA", "us/row", "", got, quantity{ours, "mysqld"}, quantity{ref, "mysqld"}))
	}
	return lines
}

func openMill(ctx context.Context, dsn string) (*mill, error) {
	db, err := storage.Open(ctx, storage.Options{DSN: dsn, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	raw, err := sql.Open("mysql", dsn)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	m := &mill{db: db, raw: raw}
	if err := m.prepare(ctx); err != nil {
		return nil, errors.Join(err, raw.Close(), db.Close())
	}
	return m, nil
}

func (m *mill) prepare(ctx context.Context) error {
	if err := errors.Join(m.db.Migrate(ctx), m.db.EnsurePartitions(ctx, time.Now(), 2), m.db.EnsureDefaultDomain(ctx, "go.example")); err != nil {
		return err
	}
	domains, err := m.db.Domains(ctx)
	if err != nil {
		return err
	}
	asked := make([]storage.NewLink, links)
	for k := range asked {
		asked[k].Link = link.Link{Account: 1, Domain: domains[0].ID, CampaignName: "bench", URL: oracle.Target(k)}
	}
	made, err := m.db.CreateLinks(ctx, asked)
	if err != nil {
		return err
	}
	for _, r := range made {
		if r.Err != nil {
			return r.Err
		}
		m.links = append(m.links, r.Link)
	}
	_, err = m.raw.ExecContext(ctx, "CREATE TABLE loaded LIKE clicks")
	return err
}

// empty brings all tables back to where each round begins.
func (m *mill) empty(ctx context.Context) error {
	for _, table := range []string{"clicks", "loaded", "recipients", "link_minutes", "link_quarters", "link_totals", "feed_ranges", "feed_counts"} {
		if _, err := m.raw.ExecContext(ctx, "TRUNCATE TABLE "+table); err != nil {
			return err
		}
	}
	return nil
}

// timed runs store on empty tables, and makes sure that table has all rows then.
func (m *mill) timed(ctx context.Context, o Options, server *stack.Database, table string, rows int, store func() error) (sample, error) {
	if err := m.empty(ctx); err != nil {
		return nil, err
	}
	since, err := usageOf(server.Process)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := ahead(o, store); err != nil {
		return nil, err
	}
	took := time.Since(start)
	used, err := usageOf(server.Process)
	if err != nil {
		return nil, err
	}
	var stored int
	if err := m.raw.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&stored); err != nil {
		return nil, err
	}
	if stored != rows {
		return nil, fmt.Errorf("%d of %d rows are in %s", stored, rows, table)
	}
	return sample{"rate": float64(rows) / took.Seconds(), "mysqld": used.micros(since, "mysqld", float64(rows))}, nil
}

// ingest lets a number of loops share the messages, as those of as many workers do.
func (m *mill) ingest(ctx context.Context, o Options, server *stack.Database, p *produce, loops int) (sample, error) {
	in := ingest.New(ingest.Options{
		Store: m.db, Keys: link.Keyring(secret, nil), BatchSize: batchSize, BatchAge: batchAge, Window: func() int { return window },
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	return m.timed(ctx, o, server, "clicks", p.rows, func() error {
		t := &tape{messages: p.messages}
		running, ctx := errgroup.WithContext(ctx)
		for range loops {
			running.Go(func() error { return in.Run(ctx, t) })
		}
		if err := running.Wait(); err != nil {
			return err
		}
		if done := int(t.done.Load()); done != len(p.messages) {
			return fmt.Errorf("%d of %d messages are done", done, len(p.messages))
		}
		return nil
	})
}

// A tape is a source that plays messages once.
type tape struct {
	messages []queue.Message
	next     atomic.Int64
	done     atomic.Int64
}

// Receive implements queue.Source.
func (t *tape) Receive(context.Context) (*queue.Delivery, error) {
	n := int(t.next.Add(1))
	if n > len(t.messages) {
		return nil, queue.ErrClosed
	}
	return queue.NewDelivery(t.messages[n-1], 1, func(err error) {
		if err == nil {
			t.done.Add(1)
		}
	}), nil
}
