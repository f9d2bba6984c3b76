// Package catalog gives the rooms of the API the database in their own words: each of them says what it needs of a
// store, and here storage is fitted to it.
//
// Place on the click's way: beside it, between the API's rooms and storage.
package catalog

import (
	"longtail/redirector/internal/account"
	"longtail/redirector/internal/api"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/resolve"
	"longtail/shared/storage"
)

// A Catalog is the database as the rooms see it. open returns it, or why it is not there yet.
type Catalog struct {
	open func() (*storage.DB, error)
}

// New returns a catalog over a database that may be opened later than it.
func New(open func() (*storage.DB, error)) *Catalog { return &Catalog{open} }

// Of returns a catalog over an open database.
func Of(db *storage.DB) *Catalog { return New(func() (*storage.DB, error) { return db, nil }) }

var (
	_ links.Store    = (*Catalog)(nil)
	_ account.Finder = (*Catalog)(nil)
	_ account.Store  = (*Catalog)(nil)
	_ api.Once       = (*Catalog)(nil)
	_ links.Cache    = (*resolve.Resolver)(nil)
)

// ask runs a question on the database.
func ask[T any](c *Catalog, question func(db *storage.DB) (T, error)) (answer T, err error) {
	db, err := c.open()
	if err != nil {
		return answer, err
	}
	return question(db)
}

// tell runs a statement on the database.
func tell(c *Catalog, statement func(db *storage.DB) error) error {
	_, err := ask(c, func(db *storage.DB) (struct{}, error) { return struct{}{}, statement(db) })
	return err
}

// fit turns a list into a list of the other room's type.
func fit[A, B any](list []A, one func(A) B) []B {
	fitted := make([]B, len(list))
	for i, a := range list {
		fitted[i] = one(a)
	}
	return fitted
}
