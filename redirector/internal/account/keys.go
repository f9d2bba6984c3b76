package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

const (
	maxName = 128       // characters of the name of a key or an account
	maxRate = 1_000_000 // requests a second
)

// KeyStore keeps API keys. CreateKey of an id that is there is link.ErrTaken, for an account that is not there
// link.ErrNotFound, as is another account's key. What changes a key is history and audit in the same transaction.
type KeyStore interface {
	Finder
	CreateKey(ctx context.Context, key storage.Key) error
	ListKeys(ctx context.Context, account uint32) ([]storage.Key, error)
	UpdateKey(ctx context.Context, account uint32, id [8]byte, patch storage.KeyPatch) (storage.Key, error)
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
	StoppedMS int64 // 0 = the links it made answer
	RatePerS  int   // 0 = the installation's rate
	Hosts     []string
}

func keyOf(k storage.Key) Key {
	return Key{k.ID, k.Account, Role(k.Role), k.Name, k.CreatedMS, k.ExpiresMS, k.RevokedMS, k.StoppedMS, k.RatePerS, k.Hosts}
}

// NewKey is what a new key is to be.
type NewKey struct {
	Account uint32
	Role    Role
	Name    string
	Expires time.Time // zero = never
	Rate    int       // requests a second, 0 = the installation's rate
	Hosts   []string  // to which its links may lead; none = all
}

// Create makes a key and returns its text, which is shown once and stored nowhere.
func Create(ctx context.Context, store KeyStore, want NewKey) (text string, key Key, err error) {
	var bad problem.Fields
	row := storage.Key{Account: want.Account, Role: uint8(want.Role), Name: want.Name, RatePerS: want.Rate, CreatedMS: time.Now().UnixMilli()}
	checkName(&bad, want.Name)
	checkRate(&bad, want.Rate)
	row.Hosts = checkHosts(&bad, want.Hosts)
	if want.Role < Read || want.Role > Operator {
		bad.Add("role", problem.RuleOneOf, "read, write, admin or operator")
	}
	if !want.Expires.IsZero() {
		row.ExpiresMS = want.Expires.UnixMilli()
		checkExpiry(&bad, row.ExpiresMS)
	}
	if err := bad.Err(); err != nil {
		return "", Key{}, err
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

func checkName(bad *problem.Fields, name string) {
	switch {
	case !utf8.ValidString(name):
		bad.Add("name", problem.RuleUTF8, "text is valid UTF-8")
	case utf8.RuneCountInString(name) > maxName:
		bad.Add("name", problem.RuleLength, "at most 128 characters")
	case strings.ContainsFunc(name, unicode.IsControl):
		bad.Add("name", problem.RuleShape, "no control characters")
	}
}

func checkRate(bad *problem.Fields, perSecond int) {
	if perSecond < 0 || perSecond > maxRate {
		bad.Add("rate", problem.RuleRange, "requests a second from 1 to 1000000; 0 or null = the installation's rate")
	}
}

func checkExpiry(bad *problem.Fields, ms int64) {
	if ms != 0 && ms <= time.Now().UnixMilli() {
		bad.Add("expires_at", problem.RuleRange, "lies in the past")
	}
}

// List returns the keys of an account in the order of their making, revoked ones included.
func List(ctx context.Context, store KeyStore, account uint32) ([]Key, error) {
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

// Find returns a key of an account.
func Find(ctx context.Context, store KeyStore, account uint32, id KeyID) (Key, error) {
	row, err := store.FindKey(ctx, id)
	if err == nil && row.Account != account {
		err = link.ErrNotFound
	}
	if err != nil {
		return Key{}, fmt.Errorf("find key %s: %w", id, err)
	}
	return keyOf(row), nil
}

// Change changes a key: every redirector knows within 5 s.
func Change(ctx context.Context, store KeyStore, account uint32, id KeyID, patch storage.KeyPatch) (Key, error) {
	var bad problem.Fields
	if patch.Name != nil {
		checkName(&bad, *patch.Name)
	}
	if patch.ExpiresMS != nil {
		checkExpiry(&bad, *patch.ExpiresMS)
	}
	if patch.RatePerS != nil {
		checkRate(&bad, *patch.RatePerS)
	}
	if patch.Hosts != nil {
		patch.Hosts = new(checkHosts(&bad, *patch.Hosts))
	}
	if err := bad.Err(); err != nil {
		return Key{}, err
	}
	row, err := store.UpdateKey(ctx, account, id, patch)
	if err != nil {
		return Key{}, fmt.Errorf("change key %s: %w", id, err)
	}
	return keyOf(row), nil
}

// Revoke ends a key for ever: every redirector refuses it within 5 s. The links that it made live on.
func Revoke(ctx context.Context, store KeyStore, account uint32, id KeyID) error {
	_, err := Change(ctx, store, account, id, storage.KeyPatch{Revoked: true})
	return err
}

// Stop lets the links that a key made answer as disabled ones, or ends that. The key itself goes on.
func Stop(ctx context.Context, store KeyStore, account uint32, id KeyID, stop bool) error {
	_, err := Change(ctx, store, account, id, storage.KeyPatch{Stopped: &stop})
	return err
}
