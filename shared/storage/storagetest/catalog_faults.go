package storagetest

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"

	"longtail/shared/link"
	"longtail/shared/storage"
)

var catalogFaultTests = []conformance{
	{"CreateAllOrNothing", createAllOrNothing},
	{"UpdateWithItsHistory", updateWithItsHistory},
	{"CreateSafeToRepeat", createSafeToRepeat},
	{"EditsAtOnce", editsAtOnce},
}

// catalogRows counts what a change of a link leaves behind.
func (w *world) catalogRows() string {
	w.t.Helper()
	return w.table("SELECT (SELECT COUNT(*) FROM links), (SELECT COUNT(*) FROM link_tags), (SELECT SUM(next_ordinal) FROM campaigns)," +
		" (SELECT SUM(version) FROM links), (SELECT COUNT(*) FROM changes WHERE kind = 1), (SELECT COUNT(*) FROM audit)")[0]
}

// everyFault runs change with a lock wait timeout at each of its statements, for ever and once. For ever, nothing may be
// left behind; once, the same as without a fault.
func everyFault(w *world, change func(db *storage.DB, n int) error) {
	w.t.Helper()
	f := &faults{}
	db := w.store(f)
	statements := statementsOf(w.t, f, func() error { return change(db, 0) })
	for at := range statements {
		before, injected := w.catalogRows(), 0
		f.set(failAt(at, true, &injected, lockWaitTimeout(w.dsn)), nil)
		if err := change(db, at+1); err == nil || injected == 0 {
			w.t.Errorf("fault at %q for ever: %v, injected %d", statements[at], err, injected)
		}
		if after := w.catalogRows(); after != before {
			w.t.Errorf("fault at %q left %s, before it was %s", statements[at], after, before)
		}
		if statements[at] == "COMMIT" {
			continue // once is as for ever: the outcome is not known, which the caller hears
		}
		f.set(failAt(at, false, &injected, lockWaitTimeout(w.dsn)), nil)
		if err := change(db, at+1); err != nil {
			w.t.Errorf("fault at %q once: %v", statements[at], err)
		}
		f.set(nil, nil)
		if after := w.catalogRows(); after == before {
			w.t.Errorf("fault at %q once: nothing was done", statements[at])
		}
	}
}

func createAllOrNothing(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	everyFault(w, func(db *storage.DB, n int) error {
		chunk := make([]storage.NewLink, 3)
		for i := range chunk {
			chunk[i] = newLink(campaign, domain, fmt.Sprintf("code-%d-%d", n, i), fmt.Sprintf("https://a.example/%d/%d", n, i))
			chunk[i].Ref, chunk[i].Reuse, chunk[i].Tags = fmt.Sprintf("%d-%d", n, i), true, []string{"t"}
		}
		results, err := db.CreateLinks(t.Context(), chunk)
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		return err
	})
	if links, bits := w.number("SELECT COUNT(*) FROM links"), w.number("SELECT next_ordinal FROM campaigns"); links != bits {
		t.Errorf("%d links, %d bits", links, bits)
	}
}

func updateWithItsHistory(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	l := w.create(newLink(campaign, domain, "sale", "https://a.example/"))[0]
	ctx := storage.AsActor(t.Context(), "somebody")
	everyFault(w, func(db *storage.DB, n int) error {
		url, tags := fmt.Sprintf("https://a.example/%d", n), []string{fmt.Sprint(n)}
		_, err := db.UpdateLink(ctx, 1, l.ID, storage.Patch{URL: &url, Tags: &tags}, nil)
		return err
	})
	versions := w.number("SELECT version FROM links")
	if changes, audit := w.number("SELECT COUNT(*) FROM changes WHERE kind = 1"), w.number("SELECT COUNT(*) FROM audit"); changes != versions-1 || audit != changes {
		t.Errorf("version %d has %d changes, %d rows of audit", versions, changes, audit)
	}
}

// A create with a ref whose outcome nobody knows is repeated, and is there once.
func createSafeToRepeat(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	f := &faults{}
	db := w.store(f)
	one := newLink(campaign, domain, "", "https://a.example/")
	one.Ref = "one"
	committed := func(statement string) error {
		if statement == "COMMIT" {
			return mysql.ErrInvalidConn
		}
		return nil
	}
	f.set(nil, func(_ driver.Conn, statement string) error { return committed(statement) })
	if _, err := db.CreateLinks(t.Context(), []storage.NewLink{one}); !errors.Is(err, mysql.ErrInvalidConn) {
		t.Fatalf("an unknown outcome was not told: %v", err)
	}
	f.set(nil, nil)
	results, err := db.CreateLinks(t.Context(), []storage.NewLink{one})
	if err != nil || !results[0].Existing || w.number("SELECT COUNT(*) FROM links") != 1 {
		t.Errorf("%+v, %v", results, err)
	}
}

// Of edits at once that saw the same version one is made, the others are stale.
func editsAtOnce(t *testing.T, fresh Fresh) {
	w, campaign, domain := newCatalog(t, fresh)
	l := w.create(newLink(campaign, domain, "sale", "https://a.example/"))[0]
	const editors = 8
	for version := uint32(1); version <= 5; version++ {
		outcomes := make(chan error, editors)
		for n := range editors {
			go func() {
				url := fmt.Sprintf("https://a.example/%d/%d", version, n)
				_, err := w.db.UpdateLink(t.Context(), 1, l.ID, storage.Patch{URL: &url}, &version)
				outcomes <- err
			}()
		}
		made := 0
		for range editors {
			switch err := <-outcomes; {
			case err == nil:
				made++
			case !errors.Is(err, link.ErrStale):
				t.Error(err)
			}
		}
		if made != 1 {
			t.Errorf("version %d: %d edits were made", version, made)
		}
	}
	versions := []uint32{}
	for _, c := range w.changes(storage.ChangedLink) {
		versions = append(versions, c.Version)
	}
	if !slices.Equal(versions, []uint32{2, 3, 4, 5, 6}) {
		t.Errorf("versions %v", versions)
	}
}
