// Package link is the tracked link: its code, the rules of its target, and the token that says who clicked.
//
// Place on the click's way: edge asks resolve for a Link, redirects to its URL and copies its ids into the click.
package link

import "errors"

// State is the life of a link, in the numbers of the table links.
type State uint8

// The states of a link.
const (
	Live     State = 1
	Disabled State = 2
	Deleted  State = 3
)

// A Link is a tracked link as every tier keeps it. Its campaign, domain, code and ordinal never change.
type Link struct {
	ID           uint64
	Domain       uint32
	Code         string // lower case
	Account      uint32
	Campaign     uint64
	CampaignName string // the API's campaign id
	Ordinal      uint32 // the link's bit in its campaign
	URL          string // the target, byte for byte as it was given
	Ref          string // the caller's own id, "" if none
	Name         string
	Tags         []string
	Forward      []string // names of query parameters that a click passes on
	KeyID        [8]byte  // the key that created it; zero for the bootstrap key
	State        State
	ExpiresMS    int64 // 0 = never
	Version      uint32
	CreatedMS    int64
}

// What storage says of a link that is not there or cannot be.
var (
	// ErrNotFound: no such link, campaign, domain or key, or it belongs to another account.
	ErrNotFound = errors.New("not found")
	// ErrTaken: the domain has or had this code.
	ErrTaken = errors.New("code is taken")
	// ErrConflict: the reference stands for a link with another target.
	ErrConflict = errors.New("reference belongs to another url")
	// ErrStale: the object has a newer version than the caller saw.
	ErrStale = errors.New("version is stale")
)

// A RuleError says which rule a value breaks. Rule is a word of a closed set, Detail is for the person who reads it.
type RuleError struct {
	Rule   string
	Detail string
}

// Error returns the detail.
func (e *RuleError) Error() string { return e.Detail }
