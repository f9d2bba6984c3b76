package storagetest

import (
	"testing"

	"longtail/shared/link"
	"longtail/shared/storage"
)

// MakeLinks opens a new database, makes its tables, the default domain go.example and these links of account 1 there, and
// returns them as they are stored. The store is closed when t ends.
func MakeLinks(t *testing.T, dsn string, links ...link.Link) (*storage.DB, []link.Link) {
	t.Helper()
	db := open(t, dsn, nil)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	if err := db.EnsureDefaultDomain(t.Context(), "go.example"); err != nil {
		t.Fatal(err)
	}
	domains, err := db.Domains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asked := make([]storage.NewLink, len(links))
	for i, l := range links {
		l.Domain, l.Account, l.State = domains[0].ID, 1, link.Live
		asked[i].Link = l
	}
	results, err := db.CreateLinks(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	made := make([]link.Link, len(results))
	for i, r := range results {
		if made[i] = r.Link; r.Err != nil {
			t.Fatalf("make link %s: %v", links[i].Code, r.Err)
		}
	}
	return db, made
}
