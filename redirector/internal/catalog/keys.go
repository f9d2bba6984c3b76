package catalog

import (
	"context"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/api"
	"longtail/shared/storage"
)

// FindKey returns a key, revoked and expired ones included.
func (c *Catalog) FindKey(ctx context.Context, id account.KeyID) (account.Key, error) {
	return ask(c, func(db *storage.DB) (account.Key, error) {
		k, err := db.FindKey(ctx, id)
		return keyOf(k), err
	})
}

// CreateKey stores a new key.
func (c *Catalog) CreateKey(ctx context.Context, k account.Key) error {
	return tell(c, func(db *storage.DB) error {
		return db.CreateKey(ctx, storage.Key{
			ID: k.ID, Hash: k.Hash, Account: k.Account, Role: uint8(k.Role), Name: k.Name, CreatedMS: k.CreatedMS, ExpiresMS: k.ExpiresMS,
			RevokedMS: k.RevokedMS, RatePerS: k.RatePerS,
		})
	})
}

// ListKeys returns the keys of an account.
func (c *Catalog) ListKeys(ctx context.Context, owner uint32) ([]account.Key, error) {
	return ask(c, func(db *storage.DB) ([]account.Key, error) {
		keys, err := db.ListKeys(ctx, owner)
		return fit(keys, keyOf), err
	})
}

// RevokeKey ends a key.
func (c *Catalog) RevokeKey(ctx context.Context, owner uint32, id account.KeyID) error {
	return tell(c, func(db *storage.DB) error { return db.RevokeKey(ctx, owner, id) })
}

func keyOf(k storage.Key) account.Key {
	return account.Key{ID: k.ID, Hash: k.Hash, Account: k.Account, Role: account.Role(k.Role), Name: k.Name, CreatedMS: k.CreatedMS,
		ExpiresMS: k.ExpiresMS, RevokedMS: k.RevokedMS, RatePerS: k.RatePerS}
}

// BeginOnce takes an Idempotency-Key for a request.
func (c *Catalog) BeginOnce(ctx context.Context, owner uint32, key string, hash [32]byte) (api.Earlier, error) {
	return ask(c, func(db *storage.DB) (api.Earlier, error) {
		e, err := db.BeginOnce(ctx, owner, key, hash)
		return api.Earlier(e), err
	})
}

// FinishOnce keeps the answer of a request.
func (c *Catalog) FinishOnce(ctx context.Context, owner uint32, key string, status int, answer []byte) error {
	return tell(c, func(db *storage.DB) error { return db.FinishOnce(ctx, owner, key, status, answer) })
}

// AbandonOnce forgets a request.
func (c *Catalog) AbandonOnce(ctx context.Context, owner uint32, key string) error {
	return tell(c, func(db *storage.DB) error { return db.AbandonOnce(ctx, owner, key) })
}
