package conformance

import (
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql" // opens the server for the test's own questions

	"longtail/e2e/stack"
	"longtail/shared/storage/storagetest"
)

// TestStorage runs storage's suite on MariaDB, each test in a database of its own.
func TestStorage(t *testing.T) {
	server := stack.Private(t, stack.MariaDB)
	admin, err := sql.Open("mysql", server.RootDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	var databases atomic.Int64
	storagetest.Run(t, func(t *testing.T) string {
		t.Helper()
		name := fmt.Sprintf("conformance_%d", databases.Add(1))
		if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		return server.RootDSN() + name
	})
}
