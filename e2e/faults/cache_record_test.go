package faults

import (
	"context"
	"database/sql"
	"testing"

	_ "github.com/go-sql-driver/mysql" // for the database's own record of statements

	"longtail/e2e/stack"
)

// A record is the database's own of every statement that it was given.
type record struct{ db *sql.DB }

// recording lets the database keep a record until the test ends.
func recording(t *testing.T, c *stack.Cluster) record {
	t.Helper()
	db := database(t, c)
	run := func(ctx context.Context, statements ...string) {
		for _, s := range statements {
			if _, err := db.ExecContext(ctx, s); err != nil {
				t.Errorf("%s: %v", s, err)
			}
		}
	}
	t.Cleanup(func() {
		run(context.WithoutCancel(t.Context()), "SET GLOBAL general_log = 0", "TRUNCATE TABLE mysql.general_log", "SET GLOBAL log_output = 'FILE'")
	})
	run(t.Context(), "SET GLOBAL log_output = 'TABLE'", "SET GLOBAL general_log = 1")
	return record{db}
}

// lookups counts those of a code.
func (r record) lookups(t *testing.T, code string) (n int) {
	t.Helper()
	const question = "SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE ? AND argument NOT LIKE '%general_log%'"
	if err := r.db.QueryRowContext(t.Context(), question, "SELECT%"+code+"%").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// database is the cluster's, open until the test ends.
func database(t *testing.T, c *stack.Cluster) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", c.MySQL.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
