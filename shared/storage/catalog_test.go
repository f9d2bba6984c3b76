package storage_test

import (
	"path/filepath"
	"testing"

	"longtail/shared/storage/storagetest"
)

// TestCatalog runs the catalog's suite on SQLite. e2e/conformance runs it on MariaDB.
func TestCatalog(t *testing.T) {
	storagetest.Catalog(t, func(t *testing.T) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "longtail.db")
	})
}
