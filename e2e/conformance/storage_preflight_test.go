package conformance

import (
	"database/sql"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"longtail/e2e/stack"
	"longtail/shared/storage"
)

// A logbook keeps the lines of a log; any goroutine may write.
type logbook struct {
	mu    sync.Mutex
	lines []string
}

// Write implements io.Writer.
func (l *logbook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(line))
	return len(line), nil
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

// A server that may lose what it has committed is used, and said to be such once; one that cannot be
// written to is refused.
func TestStoragePreflight(t *testing.T) {
	server := stack.Private(t, stack.MariaDB)
	admin, err := sql.Open("mysql", server.RootDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	// open opens the store, asks it from three sides at once and returns what was logged.
	open := func(t *testing.T, set string) (string, error) {
		t.Helper()
		if _, err := admin.ExecContext(t.Context(), "SET GLOBAL "+set); err != nil {
			t.Fatal(err)
		}
		var log logbook
		db, err := storage.Open(t.Context(), storage.Options{DSN: server.DSN(), Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			return log.String(), err
		}
		defer db.Close()
		var asking sync.WaitGroup
		for range 3 {
			asking.Go(func() {
				if err := db.Ping(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		return log.String(), nil
	}
	for _, c := range []struct {
		set   string
		warns int
	}{
		{"innodb_flush_log_at_trx_commit = 1", 0},
		{"innodb_flush_log_at_trx_commit = 2", 1},
		{"innodb_flush_log_at_trx_commit = 0", 1},
		{"innodb_flush_log_at_trx_commit = 1", 0},
		{"tx_read_only = ON", 0}, // the default of sessions: ours say what they need
	} {
		log, err := open(t, c.set)
		if err != nil {
			t.Errorf("%s: %v", c.set, err)
		}
		if n := strings.Count(log, "level=WARN"); n != c.warns {
			t.Errorf("%s: %d warnings, want %d:\n%s", c.set, n, c.warns, log)
		}
		if c.warns > 0 && !strings.Contains(log, "set innodb_flush_log_at_trx_commit = 1") {
			t.Errorf("%s: the warning does not say what to do:\n%s", c.set, log)
		}
	}
	if _, err := open(t, "read_only = ON"); err == nil || !strings.Contains(err.Error(), "read only") {
		t.Errorf("a server that cannot be written to is opened: %v", err)
	}
}
