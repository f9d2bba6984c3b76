package account

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"longtail/shared/link"
	"longtail/shared/storage"
)

// maxName is the longest name of a key in characters.
const maxName = 128

// Store keeps API keys. CreateKey of an id that is there is link.ErrTaken. RevokeKey of another account's key is
// link.ErrNotFound, and of a revoked one changes nothing.
type Store interface {
	CreateKey(ctx context.Context, key storage.Key) error
	ListKeys(ctx context.Context, account uint32) ([]storage.Key, error)
	RevokeKey(ctx context.Context, account uint32, id [8]byte) error
}

// A Key is an API key as people see it: never its text, nor the hash of it.
type Key struct {
	ID        KeyID
	Account   uint32
	Role      Role
	Name      string
	CreatedMS int64
	ExpiresMS int64 // 0 = never
	RevokedMS int64 // 0 = not revoked
}

func keyOf(k storage.Key) Key {
	return Key{k.ID, k.Account, Role(k.Role), k.Name, k.CreatedMS, k.ExpiresMS, k.RevokedMS}
}

// NewKey is what a new key is to be.
type NewKey struct {
	Account uint32
	Role    Role
	Name    string
	Expires time.Time // zero = never
}

// Create makes a key and returns its text, which is shown once and stored nowhere.
func Create(ctx context.Context, store Store, want NewKey) (text string, key Key, err error) {
	if !utf8.ValidString(want.Name) || utf8.RuneCountInString(want.Name) > maxName {
		return "", Key{}, fmt.Errorf("name of a key: want at most %d characters of UTF-8", maxName)
	}
	if want.Role < Read || want.Role > Operator {
		return "", Key{}, fmt.Errorf("role %d: want read, write, admin or operator", want.Role)
	}
	row := storage.Key{Account: want.Account, Role: uint8(want.Role), Name: want.Name, CreatedMS: time.Now().UnixMilli()}
	if !want.Expires.IsZero() {
		row.ExpiresMS = want.Expires.UnixMilli()
	}
	for range 5 { // an id is 47 random bits
		text = newKey()
		row.ID, _ = parseKey(text)
		row.Hash = hash(text)
		if err = store.CreateKey(ctx, row); !errors.Is(err, link.ErrTaken) {
			break
		}
	}
	if err != nil {
		return "", Key{}, fmt.Errorf("create key: %w", err)
	}
	return text, keyOf(row), nil
}

// List returns the keys of an account, revoked ones included.
func List(ctx context.Context, store Store, account uint32) ([]Key, error) {
	rows, err := store.ListKeys(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	keys := make([]Key, len(rows))
	for i, row := range rows {
		keys[i] = keyOf(row)
	}
	return keys, nil
}

// Revoke ends a key: every redirector refuses it within 5 s.
func Revoke(ctx context.Context, store Store, account uint32, id KeyID) error {
	if err := store.RevokeKey(ctx, account, id); err != nil {
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	return nil
}
