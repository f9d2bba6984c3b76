package storagetest

import (
	"errors"
	"sync"
	"testing"

	"longtail/shared/storage"
)

var schemaTests = []conformance{
	{"SchemaMissingIsRefused", func(t *testing.T, fresh Fresh) {
		db := open(t, fresh(t), nil)
		if err := db.CheckSchema(t.Context()); !errors.Is(err, storage.ErrSchema) {
			t.Fatalf("an empty database: %v, want ErrSchema", err)
		}
	}},
	{"MigrateTwiceAtOnce", func(t *testing.T, fresh Fresh) {
		dsn := fresh(t)
		one, two := open(t, dsn, nil), open(t, dsn, nil)
		var wg sync.WaitGroup
		for _, db := range []*storage.DB{one, two} {
			wg.Go(func() {
				if err := db.Migrate(t.Context()); err != nil {
					t.Errorf("migrate: %v", err)
				}
			})
		}
		wg.Wait()
		if err := two.CheckSchema(t.Context()); err != nil {
			t.Fatal(err)
		}
	}},
}
