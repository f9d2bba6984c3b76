// Package links makes, edits, ends and finds tracked links for the accounts that own them, and writes through: a new
// link is warm in the caches before its first click, an edited one is repaired in them at once.
//
// Place on the click's way: before it. What this room stores, resolve finds.
package links

import (
	"context"

	"longtail/shared/link"
)

// A Domain is a host under which links are found.
type Domain struct {
	ID           uint32
	Account      uint32
	Host         string
	Default      bool // the account's own default
	Installation bool // the host of the public URL, everybody's default
	ForeignCodes bool
}

// A Campaign is as much of one as a new link needs.
type Campaign struct {
	ID     uint64
	Name   string
	Domain uint32 // 0 = none of its own
}

// A NewLink is a link to be stored. Its id, ordinal, version and time are given by the store.
type NewLink struct {
	link.Link
	Reuse bool // answer the campaign's existing link of the same URL, if there is one
}

// A Made is what became of one NewLink.
type Made struct {
	Link     link.Link
	Existing bool  // found by its ref or by reuse, not created
	Err      error // link.ErrTaken, link.ErrConflict, or nil
}

// A Filter chooses links of an account.
type Filter struct {
	Account  uint32
	Campaign string // "" = all
	Tag      string
	Query    string // text within code, url or name
}

// A Change is what an edit made of a link: the fields that are not nil.
type Change struct {
	URL       *string
	Name      *string
	Tags      *[]string
	Forward   *[]string
	State     *link.State
	ExpiresMS *int64
}

// A Version is one entry of a link's history: how the link was before the version.
type Version struct {
	Version uint32
	AtMS    int64
	Before  link.Link
}

// Store keeps links. Its errors are the sentinels of package link, or mean that it does not answer.
type Store interface {
	CampaignStore
	Domains(ctx context.Context) ([]Domain, error)
	EnsureCampaign(ctx context.Context, account uint32, name string) (Campaign, error)
	// CreateLinks stores all links it can, in one go, and answers in the order of the question.
	CreateLinks(ctx context.Context, links []NewLink) ([]Made, error)
	FindLink(ctx context.Context, domain uint32, code string) (link.Link, error)
	// UpdateLink applies a change and writes the history in one transaction. With a version it is link.ErrStale if the
	// link has another one.
	UpdateLink(ctx context.Context, account uint32, id uint64, change Change, ifVersion *uint32) (link.Link, error)
	// ListLinks returns up to limit links, newest first, with ids below before (0 = from the newest).
	ListLinks(ctx context.Context, filter Filter, before uint64, limit int) ([]link.Link, error)
	// LinkHistory returns up to limit versions, newest first, below before (0 = from the newest).
	LinkHistory(ctx context.Context, id uint64, before uint32, limit int) ([]Version, error)
}

// Cache is told of what is new. It never fails a create: what it misses is loaded at the first click.
type Cache interface {
	Warm(ctx context.Context, links []link.Link)
	LinkChanged(ctx context.Context, id uint64)
	CampaignChanged(ctx context.Context, id uint64)
}
