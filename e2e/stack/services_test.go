package stack_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"longtail/e2e/stack"
)

// within bounds one step of a test.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestMariaDBKeepsWhatItCommittedWhenKilled(t *testing.T) {
	db := stack.Private(t, stack.MariaDB)
	conn, err := sql.Open("mysql", db.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, q := range []string{"CREATE TABLE kept (n INT PRIMARY KEY)", "INSERT INTO kept VALUES (1),(2),(3)"} {
		if _, err := conn.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	before, port := db.PID(), db.Port
	if err := db.Kill9(); err != nil {
		t.Fatal(err)
	}
	if db.Alive() {
		t.Fatal("it lives on after Kill9")
	}
	if err := db.Start(within(t, 30*time.Second)); err != nil {
		t.Fatal(err)
	}
	if db.PID() == before || db.Port != port {
		t.Fatalf("restart: process %d -> %d, port %d -> %d", before, db.PID(), port, db.Port)
	}
	var rows int
	if err := conn.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM kept").Scan(&rows); err != nil || rows != 3 {
		t.Fatalf("rows after the kill = %d, %v; want 3", rows, err)
	}
	var flush int
	if err := conn.QueryRowContext(t.Context(), "SELECT @@innodb_flush_log_at_trx_commit").Scan(&flush); err != nil || flush != 1 {
		t.Fatalf("innodb_flush_log_at_trx_commit = %d, %v; want 1", flush, err)
	}
}

func TestRedisEvictsAndKeepsNothing(t *testing.T) {
	r := stack.Private(t, stack.Redis)
	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	hung, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := r.WaitReady(hung); err == nil {
		t.Fatal("a paused server answered")
	}
	if err := r.Cont(); err != nil {
		t.Fatal(err)
	}
	if err := r.WaitReady(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := r.Term(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
}
