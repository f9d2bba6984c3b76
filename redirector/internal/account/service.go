package account

import (
	"context"
	"errors"
	"fmt"

	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// Store keeps accounts and keys. What changes one is history and audit in the same transaction.
type Store interface {
	KeyStore
	CreateAccount(ctx context.Context, name string) (storage.Account, error)
	// GetAccount and UpdateAccount of an account that is not there are link.ErrNotFound.
	GetAccount(ctx context.Context, id uint32) (storage.Account, error)
	UpdateAccount(ctx context.Context, id uint32, patch storage.AccountPatch) (storage.Account, error)
	// ListAccounts returns up to limit accounts, newest first, with ids below before (0 = from the newest).
	ListAccounts(ctx context.Context, before uint64, limit int) ([]storage.Account, error)
}

// A Cache is told that a key or an account was changed, so that redirectors need not wait for their next look.
type Cache interface{ KeysChanged(ctx context.Context) }

// A Service works with accounts and keys in the name of a principal.
type Service struct {
	store Store
	cache Cache
}

// NewService returns a service.
func NewService(store Store, cache Cache) *Service { return &Service{store, cache} }

// CreateKey makes a key and returns its text, which is shown once and stored nowhere. Nobody gives away more than he may
// do himself.
func (s *Service) CreateKey(ctx context.Context, who Principal, want NewKey) (string, Key, error) {
	if want.Role > who.Role {
		return "", Key{}, problem.New(problem.Forbidden, problem.Field{Field: "role", Rule: problem.RuleRole, Detail: "more than the key that asks may do"})
	}
	if want.Hosts == nil {
		want.Hosts = who.Hosts.list()
	}
	if err := who.Hosts.cover(want.Hosts); err != nil {
		return "", Key{}, err
	}
	return Create(ctx, s.store, want)
}

// Keys returns the keys of an account.
func (s *Service) Keys(ctx context.Context, account uint32) ([]Key, error) {
	return List(ctx, s.store, account)
}

// Key returns a key of an account.
func (s *Service) Key(ctx context.Context, account uint32, id KeyID) (Key, error) {
	return Find(ctx, s.store, account, id)
}

// ChangeKey changes, stops or revokes a key of an account, unless it may do more than who asks.
func (s *Service) ChangeKey(ctx context.Context, who Principal, account uint32, id KeyID, patch storage.KeyPatch) (Key, error) {
	key, err := s.Key(ctx, account, id)
	if err != nil {
		return Key{}, err
	}
	if key.Role > who.Role {
		return Key{}, problem.New(problem.Forbidden)
	}
	if patch.Hosts != nil {
		if err := who.Hosts.cover(*patch.Hosts); err != nil {
			return Key{}, err
		}
	}
	if key, err = Change(ctx, s.store, account, id, patch); err != nil {
		return Key{}, err
	}
	s.cache.KeysChanged(ctx)
	return key, nil
}

// CreateAccount makes an account.
func (s *Service) CreateAccount(ctx context.Context, name string) (storage.Account, error) {
	var bad problem.Fields
	if name == "" {
		bad.Add("name", problem.RuleRequired, "whose account it is")
	}
	checkName(&bad, name)
	if err := bad.Err(); err != nil {
		return storage.Account{}, err
	}
	return s.store.CreateAccount(ctx, name)
}

// Account returns an account.
func (s *Service) Account(ctx context.Context, id uint32) (storage.Account, error) {
	return s.store.GetAccount(ctx, id)
}

// Accounts returns up to limit accounts, newest first, and the place of the next page, 0 at the end.
func (s *Service) Accounts(ctx context.Context, before uint64, limit int) (page []storage.Account, next uint64, err error) {
	page, err = s.store.ListAccounts(ctx, before, limit+1)
	if err == nil && len(page) > limit {
		page = page[:limit]
		next = uint64(page[limit-1].ID)
	}
	return page, next, err
}

// ChangeAccount renames an account, stops its links or lets them go, or locks the hosts of its targets.
func (s *Service) ChangeAccount(ctx context.Context, id uint32, patch storage.AccountPatch) (storage.Account, error) {
	var bad problem.Fields
	if patch.Name != nil {
		checkName(&bad, *patch.Name)
	}
	if err := bad.Err(); err != nil {
		return storage.Account{}, err
	}
	a, err := s.store.UpdateAccount(ctx, id, patch)
	if err != nil {
		return storage.Account{}, err
	}
	s.cache.KeysChanged(ctx)
	return a, nil
}

// Speaks returns the account in which who works: his own, or any other that the operator names and that is there. What
// is another's is link.ErrNotFound for everybody else.
func (s *Service) Speaks(ctx context.Context, who Principal, asked uint32) (uint32, error) {
	switch {
	case asked == 0 || asked == who.Account:
		return who.Account, nil
	case !who.May(Operator):
		return 0, link.ErrNotFound
	}
	_, err := s.store.GetAccount(ctx, asked)
	if err != nil && !errors.Is(err, link.ErrNotFound) {
		err = fmt.Errorf("find account: %w", err)
	}
	return asked, err
}
