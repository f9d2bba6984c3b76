package conformance

import (
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"longtail/e2e/stack"
	"longtail/shared/storage/storagetest"
)

var catalogs atomic.Int64

// TestCatalog runs the catalog's suite on MariaDB, each test in a database of its own.
func TestCatalog(t *testing.T) {
	server := stack.Private(t, stack.MariaDB)
	dsn := server.DSN()
	cut := strings.LastIndexByte(dsn, '/')
	admin, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	storagetest.Catalog(t, func(t *testing.T) string {
		t.Helper()
		name := fmt.Sprintf("catalog_%d", catalogs.Add(1))
		if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		return dsn[:cut+1] + name
	})
}
