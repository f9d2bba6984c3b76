package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"longtail/shared/link"
	"longtail/shared/storage"
)

// A revoked key is refused everywhere within 5 s: an answer of the store is believed for keyFresh, and when the store
// does not answer, an older one up to keyStale.
const (
	keyFresh = 2 * time.Second
	keyStale = 4 * time.Second
	findMost = time.Second // how long the store may take
	keysMost = 10_000      // entries
)

// ErrUnknown says that the key is not one of ours, or not any more.
var ErrUnknown = errors.New("unknown key")

// Finder looks a key up. A key that is not there is link.ErrNotFound; any other error is taken for a store that is down.
type Finder interface {
	FindKey(ctx context.Context, id [8]byte) (storage.Key, error)
}

// A Gate tells who a key speaks for.
type Gate struct {
	store     Finder
	bootstrap [32]byte
	noBoot    bool

	mu    sync.Mutex
	known map[KeyID]known
}

// known is what the store last said of an id.
type known struct {
	key   storage.Key
	found bool
	at    time.Time
}

// NewGate returns a gate over the store's keys and the bootstrap key, which has no row; "" is no such key.
func NewGate(store Finder, bootstrap string) *Gate {
	return &Gate{store: store, bootstrap: hash(bootstrap), noBoot: bootstrap == "", known: make(map[KeyID]known)}
}

// Principal returns who the key's text speaks for, or ErrUnknown. Any other error means that the store does not answer.
func (g *Gate) Principal(ctx context.Context, text string) (Principal, error) {
	sum := hash(text)
	if subtle.ConstantTimeCompare(sum[:], g.bootstrap[:]) == 1 && !g.noBoot {
		return Principal{Account: 1, Role: Operator}, nil
	}
	id, ok := parseKey(text)
	if !ok {
		return Principal{}, ErrUnknown
	}
	key, err := g.find(ctx, id)
	if err != nil {
		return Principal{}, err
	}
	if subtle.ConstantTimeCompare(sum[:], key.Hash[:]) != 1 {
		return Principal{}, ErrUnknown
	}
	return speaksFor(&key)
}

// Holder returns who a key speaks for that was proven before, such as when somebody signed in with it; it fails as
// Principal does, and as soon.
func (g *Gate) Holder(ctx context.Context, id KeyID) (Principal, error) {
	key, err := g.find(ctx, id)
	if err != nil {
		return Principal{}, err
	}
	return speaksFor(&key)
}

// Bootstrap names the bootstrap key without telling it, and who it speaks for; false when there is none.
func (g *Gate) Bootstrap() (name [32]byte, who Principal, ok bool) {
	return hash(string(g.bootstrap[:])), Principal{Account: 1, Role: Operator}, !g.noBoot
}

func speaksFor(key *storage.Key) (Principal, error) {
	now := time.Now().UnixMilli()
	if key.RevokedMS != 0 && key.RevokedMS <= now || key.ExpiresMS != 0 && key.ExpiresMS <= now {
		return Principal{}, ErrUnknown
	}
	return Principal{Account: key.Account, Key: key.ID, Role: Role(key.Role), RatePerS: key.RatePerS, Hosts: Hosts(strings.Join(key.Hosts, " "))}, nil
}

// find returns a key from memory or from the store.
func (g *Gate) find(ctx context.Context, id KeyID) (storage.Key, error) {
	g.mu.Lock()
	k, seen := g.known[id]
	g.mu.Unlock()
	if !seen || time.Since(k.at) >= keyFresh {
		asked := time.Now()
		ctx, cancel := context.WithTimeout(ctx, findMost)
		defer cancel()
		key, err := g.store.FindKey(ctx, id)
		missing := errors.Is(err, link.ErrNotFound)
		switch {
		case err == nil || missing:
			k = known{key, !missing, asked}
			g.keep(id, k)
		case !seen || time.Since(k.at) >= keyStale:
			return storage.Key{}, fmt.Errorf("find key: %w", err)
		}
	}
	if !k.found {
		return storage.Key{}, ErrUnknown
	}
	return k.key, nil
}

// keep remembers an answer unless a newer one is there.
func (g *Gate) keep(id KeyID, k known) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known[id].at.After(k.at) {
		return
	}
	if len(g.known) >= keysMost {
		clear(g.known)
	}
	g.known[id] = k
}
