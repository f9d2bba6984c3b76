package resolve

import (
	"errors"

	"longtail/shared/link"
)

// ErrUnavailable says that nobody can know now whether the code exists: the stores are down, slow or refused. It is
// answered with 503, never with 404.
var ErrUnavailable = errors.New("stores cannot be reached")

// A Target is what a click needs to know of a link, and no more: it is what all tiers keep. It is never changed after
// it was made; a newer version is another Target.
type Target struct {
	ID        uint64
	Campaign  uint64
	Version   uint64
	ExpiresMS int64 // 0 = never
	Account   uint32
	Domain    uint32
	Ordinal   uint32
	State     link.State
	KeyID     [8]byte  // the key that made the link; a stopped key stops its links
	Code      string   // lower case
	URL       string   // byte for byte as stored
	Forward   []string // names of query parameters that a click passes on
}

// Of returns the target of a link as the database keeps it.
func Of(l *link.Link) *Target {
	return &Target{
		ID: l.ID, Campaign: l.Campaign, Version: uint64(l.Version), ExpiresMS: l.ExpiresMS,
		Account: l.Account, Domain: l.Domain, Ordinal: l.Ordinal, State: l.State, KeyID: l.KeyID,
		Code: l.Code, URL: l.URL, Forward: l.Forward,
	}
}

// A key finds a target in the tiers: the same code on two domains is two links.
type key struct {
	domain uint32
	code   string
}

func (t *Target) key() key { return key{t.Domain, t.Code} }
