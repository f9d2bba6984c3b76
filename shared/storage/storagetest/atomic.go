package storagetest

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"

	"longtail/shared/click"
	"longtail/shared/storage"
)

var atomicTests = []conformance{
	{"M2NoPartialBatchIsEverVisible", noPartialBatch},
	{"UnknownCommitIsFoundOut", unknownCommit},
	{"DatabaseGoneIsRetryable", databaseGone},
	{"OurOwnBugsAreNoPoison", ownBugs},
}

// noPartialBatch lets a lock wait time out at each statement of the batch in turn, while a reader compares rows with
// every counter in one statement at READ COMMITTED.
func noPartialBatch(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := &faults{}
	db := w.store(f)
	batch := func(i int) storage.Batch {
		rows := []storage.ClickRow{w.at(int64(i), 1, uint32(i%130), fmt.Sprintf("r-%d", i%50)), w.at(int64(i)+70_000, 2, 1, "r")}
		return storage.Batch{
			Clicks: rows, Ranges: []storage.Range{{Feed: feedOf(1), From: int64(i), To: int64(i + 1), UptoMS: w.now}},
			Dead: []storage.DeadLetter{deadClick(w, i)},
		}
	}
	statements := statementsOf(t, f, func() error {
		_, err := db.Ingest(t.Context(), batch(0))
		return err
	})
	reader := watchSums(t, w)
	injected, given := 0, 0
	for i := 1; reader.looks.Load() < readsOfM2 || i <= 2*len(statements); i++ {
		at, always := i%len(statements), i%(3*len(statements)) == 0
		f.set(failAt(at, always, &injected, lockWaitTimeout(w.dsn)), nil)
		_, err := db.Ingest(t.Context(), batch(i))
		if always {
			given++
			if err == nil {
				t.Fatal("a statement that fails for ever let the batch through")
			}
			f.set(nil, nil)
			_, err = db.Ingest(t.Context(), batch(i))
		}
		if err != nil {
			t.Fatalf("batch %d, fault at %q: %v", i, statements[at], err)
		}
	}
	looks := reader.stop()
	t.Logf("1205 at each of %d statements, %d injected, %d batches given back; the reader looked %d times: partial batches visible 0",
		len(statements), injected, given, looks)
}

func deadClick(w *world, i int) storage.DeadLetter {
	row := w.at(int64(i), 3, 1, "")
	return letterFor(&row, "rejected")
}

// statementsOf lists the statements that run executes, with COMMIT.
func statementsOf(t *testing.T, f *faults, run func() error) []string {
	t.Helper()
	var all []string
	f.set(func(statement string) error {
		all = append(all, strings.Join(strings.Fields(statement[:min(len(statement), 60)]), " "))
		return nil
	}, nil)
	if err := run(); err != nil {
		t.Fatal(err)
	}
	f.set(nil, nil)
	return all
}

// failAt returns a hook that fails the n-th statement of each transaction: once, or every time.
func failAt(n int, always bool, injected *int, err error) func(string) error {
	count := 0
	return func(string) error {
		count++
		if count == n+1 {
			*injected++
			if always {
				count = 0
			}
			return err
		}
		return nil
	}
}

type watcher struct {
	looks atomic.Int64
	end   atomic.Bool
	wg    sync.WaitGroup
}

// watchSums starts a reader that fails the test when it sees rows and counters differ.
func watchSums(t *testing.T, w *world) *watcher {
	t.Helper()
	r := &watcher{}
	db := raw(t, w.dsn)
	db.SetMaxOpenConns(1)
	if !strings.HasPrefix(w.dsn, "sqlite:") {
		if _, err := db.Exec("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
			t.Fatal(err)
		}
	}
	r.wg.Go(func() {
		for !r.end.Load() {
			if _, err := balanced(func(q string, args ...any) *sql.Row { return db.QueryRowContext(t.Context(), q, args...) }); err != nil {
				t.Errorf("a partial batch is visible: %v", err)
				r.looks.Add(readsOfM2)
				return
			}
			r.looks.Add(1)
		}
	})
	return r
}

func (r *watcher) stop() int64 {
	r.end.Store(true)
	r.wg.Wait()
	return r.looks.Load()
}

// unknownCommit loses the connection around COMMIT, before it was done and after.
func unknownCommit(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := &faults{}
	db := w.store(f)
	for i := range 20 {
		lost := false
		lose := func(statement string) error {
			if statement != "COMMIT" || lost {
				return nil
			}
			lost = true
			return mysql.ErrInvalidConn
		}
		if i%2 == 0 {
			f.set(lose, nil)
		} else {
			f.set(nil, func(_ driver.Conn, statement string) error { return lose(statement) })
		}
		out, err := db.Ingest(t.Context(), storage.Batch{Clicks: []storage.ClickRow{w.at(int64(i), 1, 1, "r"), w.at(int64(i), 1, 2, "s")}})
		if err != nil || !lost || out.Retries == 0 {
			t.Fatalf("%+v, %v, lost %v: want it found out", out, err, lost)
		}
		w.wantSums(int64(2 * (i + 1)))
	}
}

// databaseGone fails every statement: the error is neither the data's nor ours.
func databaseGone(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := &faults{}
	db := w.store(f)
	f.set(func(string) error { return mysql.ErrInvalidConn }, nil)
	_, err := db.Ingest(t.Context(), storage.Batch{Clicks: w.some(3)})
	wantErr(t, err, mysql.ErrInvalidConn)
	f.set(nil, nil)
	w.wantSums(0)
}

// ownBugs fills a counter to its brim and takes the last partition away: neither is the clicks' fault.
func ownBugs(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	row := w.at(1, 1, 1, "r")
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{row}})
	brim := "UPDATE link_minutes SET clicks = 4294967295"
	if strings.HasPrefix(w.dsn, "sqlite:") {
		brim = "DROP TABLE link_totals" // its counters have no brim
	}
	_, err := w.raw.ExecContext(t.Context(), brim)
	w.ok(err)
	again := w.at(1, 1, 1, "r")
	_, err = w.db.Ingest(t.Context(), storage.Batch{Clicks: []storage.ClickRow{again}})
	wantErr(t, err, storage.ErrBug)
	if n := w.number("SELECT COUNT(*) FROM clicks"); n != 1 {
		t.Fatalf("%d clicks, want the first alone", n)
	}
	if strings.HasPrefix(w.dsn, "sqlite:") {
		return
	}
	_, err = w.raw.ExecContext(t.Context(), "ALTER TABLE clicks DROP PARTITION pmax")
	w.ok(err)
	far := w.at(0, 1, 1, "r")
	far.Click.ID = click.NewID(w.now + 100*24*3600_000)
	_, err = w.db.Ingest(t.Context(), storage.Batch{Clicks: []storage.ClickRow{far}})
	wantErr(t, err, storage.ErrBug)
}
