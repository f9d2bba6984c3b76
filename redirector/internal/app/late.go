package app

import (
	"context"
	"errors"
	"sync/atomic"

	"longtail/redirector/internal/resolve"
	"longtail/shared/link"
	"longtail/shared/queue"
	"longtail/shared/queue/spool"
	"longtail/shared/storage"
)

// errNotOpen: the database has not been reached since this process began.
var errNotOpen = errors.New("the database was not reached yet")

// A late store is the database for those rooms that work without it: until it is opened, each question is answered
// with an error, as it would be during an outage.
type late struct {
	db     atomic.Pointer[storage.DB]
	opened chan struct{}
}

func newLate() *late { return &late{opened: make(chan struct{})} }

// open reaches the database, however long it takes, until ctx ends.
func (l *late) open(ctx context.Context, o storage.Options) error {
	db, err := storage.OpenPatiently(ctx, o)
	if err != nil {
		return err
	}
	l.db.Store(db)
	close(l.opened)
	return nil
}

func (l *late) close() error {
	if db := l.db.Load(); db != nil {
		return db.Close()
	}
	return nil
}

// ask runs a question once the database is open.
func ask[T any](l *late, question func(*storage.DB) (T, error)) (T, error) {
	db := l.db.Load()
	if db == nil {
		var none T
		return none, errNotOpen
	}
	return question(db)
}

func tell(l *late, statement func(*storage.DB) error) error {
	_, err := ask(l, func(db *storage.DB) (struct{}, error) { return struct{}{}, statement(db) })
	return err
}

// What resolve asks.

func (l *late) FindLink(ctx context.Context, domain uint32, code string) (link.Link, error) {
	return ask(l, func(db *storage.DB) (link.Link, error) { return db.FindLink(ctx, domain, code) })
}

func (l *late) FindLinks(ctx context.Context, ids []uint64) ([]link.Link, error) {
	return ask(l, func(db *storage.DB) ([]link.Link, error) { return db.FindLinks(ctx, ids) })
}

func (l *late) Changes(ctx context.Context, after uint64, limit int) ([]resolve.Change, error) {
	return ask(l, func(db *storage.DB) ([]resolve.Change, error) {
		rows, err := db.Changes(ctx, after, limit)
		changes := make([]resolve.Change, len(rows))
		for i, row := range rows {
			changes[i] = resolve.Change{Seq: row.Seq, Kind: resolve.Kind(row.Kind), Object: row.Object, Version: row.Version, AtMS: row.AtMS}
		}
		return changes, err
	})
}

func (l *late) LastChange(ctx context.Context) (uint64, error) {
	return ask(l, func(db *storage.DB) (uint64, error) { return db.LastChange(ctx) })
}

func (l *late) Domains(ctx context.Context) ([]resolve.Domain, error) {
	return ask(l, func(db *storage.DB) ([]resolve.Domain, error) {
		rows, err := db.Domains(ctx)
		var domains []resolve.Domain
		for _, row := range rows {
			if !row.Verified() {
				continue // until it is proven the host belongs to nobody
			}
			domains = append(domains, resolve.Domain{
				ID: row.ID, Account: row.Account, Host: row.Host, FallbackURL: row.FallbackURL, Default: row.Installation, ForeignCodes: row.ForeignCodes,
			})
		}
		return domains, err
	})
}

func (l *late) StoppedKeys(ctx context.Context) ([][8]byte, error) {
	return ask(l, func(db *storage.DB) ([][8]byte, error) { return db.StoppedKeys(ctx) })
}

func (l *late) StoppedAccounts(ctx context.Context) ([]uint32, error) {
	return ask(l, func(db *storage.DB) ([]uint32, error) { return db.StoppedAccounts(ctx) })
}

func (l *late) RedirectAll(ctx context.Context) (map[uint64]string, error) {
	return ask(l, func(db *storage.DB) (map[uint64]string, error) { return db.RedirectAll(ctx) })
}

func (l *late) CodeKey(ctx context.Context) (link.CodeKey, error) {
	return ask(l, func(db *storage.DB) (link.CodeKey, error) { return db.CodeKey(ctx) })
}

// What the spool and the feeds' keeper ask: their failures are retried by them.

func (l *late) RecordGap(ctx context.Context, g spool.Gap) error {
	return tell(l, func(db *storage.DB) error { return db.RecordGap(ctx, storage.Gap(g)) })
}

func (l *late) RegisterFeed(ctx context.Context, feed queue.FeedID, owner storage.Owner, instance string) (int64, error) {
	return ask(l, func(db *storage.DB) (int64, error) { return db.RegisterFeed(ctx, feed, owner, instance) })
}

func (l *late) AdoptFeed(ctx context.Context, feed queue.FeedID, owner storage.Owner) (storage.Adopted, error) {
	return ask(l, func(db *storage.DB) (storage.Adopted, error) { return db.AdoptFeed(ctx, feed, owner) })
}

func (l *late) TickFeed(ctx context.Context, t storage.Tick) error {
	return tell(l, func(db *storage.DB) error { return db.TickFeed(ctx, t) })
}

func (l *late) SignOffFeed(ctx context.Context, feed queue.FeedID, owner storage.Owner, end int64) error {
	return tell(l, func(db *storage.DB) error { return db.SignOffFeed(ctx, feed, owner, end) })
}
