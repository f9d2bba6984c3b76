package storage_test

import (
	"path/filepath"
	"testing"

	"longtail/shared/storage/storagetest"
)

// TestConformance runs the suite on SQLite. e2e/conformance runs it on MariaDB.
func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "longtail.db")
	})
}
