package linkstest

import (
	"context"
	"slices"

	"longtail/shared/storage"
)

// Lock lets the targets of an account keep their hosts.
func (m *Memory) Lock(account uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locked = append(m.locked, account)
}

// GetAccount returns an account; there are all of them.
func (m *Memory) GetAccount(_ context.Context, id uint32) (storage.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return storage.Account{ID: id, LockHosts: slices.Contains(m.locked, id)}, m.Down
}
