package conformance

import (
	"context"
	"database/sql"
	"log/slog"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/shared/storage"
)

// A server that does not answer is given up after a while; by a command, whose statements may read a whole store, it is not.
func TestStoragePatience(t *testing.T) {
	server := stack.Private(t, stack.MariaDB)
	o := storage.Options{DSN: server.DSN(), AnswerWithin: time.Second, Log: slog.New(slog.DiscardHandler)}
	serving := opened(t, storage.Open, o)
	if err := serving.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	command := opened(t, storage.OpenNow, o)
	unlock := lockClicks(t, server.RootDSN()+"longtail")
	audited := make(chan error, 1)
	go func() {
		_, err := command.Audit(t.Context(), 2026_01_01, 2026_12_31)
		audited <- err
	}()
	if _, err := serving.Audit(t.Context(), 2026_01_01, 2026_12_31); err == nil {
		t.Error("clicks were read while they were locked")
	}
	select {
	case err := <-audited:
		t.Errorf("the command did not wait: %v", err)
	case <-time.After(time.Second):
	}
	unlock()
	if err := <-audited; err != nil {
		t.Errorf("the command waited and failed: %v", err)
	}
}

func opened(t *testing.T, open func(context.Context, storage.Options) (*storage.DB, error), o storage.Options) *storage.DB {
	t.Helper()
	db, err := open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// lockClicks lets everybody who reads clicks wait, until unlock.
func lockClicks(t *testing.T, dsn string) (unlock func()) {
	t.Helper()
	admin, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	session, err := admin.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.ExecContext(t.Context(), "LOCK TABLES clicks WRITE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := session.Close(); err != nil { // back in the pool, whose end ends the lock
			t.Error(err)
		}
		_ = admin.Close()
	}
}
