package account

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"longtail/shared/link"
)

// maxName is the longest name of a key in characters.
const maxName = 128

// Store keeps API keys. CreateKey of an id that is there is link.ErrTaken. RevokeKey of another account's key is
// link.ErrNotFound, and of a revoked one changes nothing.
type Store interface {
	CreateKey(ctx context.Context, key Key) error
	ListKeys(ctx context.Context, account uint32) ([]Key, error)
	RevokeKey(ctx context.Context, account uint32, id KeyID) error
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
	key = Key{Account: want.Account, Role: want.Role, Name: want.Name, CreatedMS: time.Now().UnixMilli()}
	if !want.Expires.IsZero() {
		key.ExpiresMS = want.Expires.UnixMilli()
	}
	for range 5 { // an id is 47 random bits
		text = newKey()
		key.ID, _ = parseKey(text)
		key.Hash = hash(text)
		if err = store.CreateKey(ctx, key); !errors.Is(err, link.ErrTaken) {
			break
		}
	}
	if err != nil {
		return "", Key{}, fmt.Errorf("create key: %w", err)
	}
	return text, key, nil
}

// List returns the keys of an account, revoked ones included.
func List(ctx context.Context, store Store, account uint32) ([]Key, error) {
	keys, err := store.ListKeys(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
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
