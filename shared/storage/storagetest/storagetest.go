// Package storagetest is the conformance suite of package storage: the same tests run on SQLite and on MariaDB, so that
// what one promises the other keeps. Faults are put under the real thing, between the pool and the driver.
//
// Place on the click's way: beside the last step.
package storagetest

import (
	"database/sql/driver"
	"log/slog"
	"testing"

	"longtail/shared/storage"
)

// Fresh makes a new empty database that lives as long as t and returns its DSN.
type Fresh func(t *testing.T) (dsn string)

// Run runs the pipeline's part of the suite; Catalog runs the other. Every test has a database of its own.
func Run(t *testing.T, fresh Fresh) {
	t.Helper()
	for _, test := range suite {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh) })
	}
}

type conformance struct {
	name string
	run  func(t *testing.T, fresh Fresh)
}

// suite lists the tests. Each file adds its own in a variable, so that the list is complete without being written twice.
var suite = concat(schemaTests, ingestTests, atomicTests, bytesTests, feedTests, letterTests, upkeepTests, contentionTests)

func concat(lists ...[]conformance) []conformance {
	var all []conformance
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// open connects to dsn and closes the store when t ends. wrap may be nil.
func open(t *testing.T, dsn string, wrap func(driver.Connector) driver.Connector) *storage.DB {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Options{DSN: dsn, Log: slog.New(slog.DiscardHandler), Wrap: wrap})
	if err != nil {
		t.Fatalf("open %q: %v", dsn, err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}
