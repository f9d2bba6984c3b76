// Package links makes, edits, ends and finds tracked links for the accounts that own them, and writes through: a new
// link is warm in the caches before its first click, an edited one is repaired in them at once.
//
// Place on the click's way: before it. What this room stores, resolve finds.
package links

import (
	"context"

	"longtail/shared/link"
	"longtail/shared/storage"
)

// Store keeps links. Its errors are the sentinels of package link, or mean that it does not answer.
type Store interface {
	CampaignStore
	Domains(ctx context.Context) ([]storage.Domain, error)
	GetAccount(ctx context.Context, id uint32) (storage.Account, error)
	// UpdateDomain changes a domain of an account, and notes it for all redirectors.
	UpdateDomain(ctx context.Context, account uint32, host string, patch storage.DomainPatch) (storage.Domain, error)
	EnsureCampaign(ctx context.Context, account uint32, name string) (storage.Campaign, error)
	// CreateLinks stores all links it can, in one go, and answers in the order of the question.
	CreateLinks(ctx context.Context, links []storage.NewLink) ([]storage.CreateResult, error)
	FindLink(ctx context.Context, domain uint32, code string) (link.Link, error)
	// UpdateLink applies a change and writes the history in one transaction. With a version it is link.ErrStale if the
	// link has another one.
	UpdateLink(ctx context.Context, account uint32, id uint64, patch storage.Patch, ifVersion *uint32) (link.Link, error)
	// ListLinks returns up to limit links, newest first, with ids below before (0 = from the newest).
	ListLinks(ctx context.Context, filter storage.LinkFilter, before uint64, limit int) ([]link.Link, error)
	// LinkHistory returns up to limit versions, newest first, below before (0 = from the newest).
	LinkHistory(ctx context.Context, id uint64, before uint32, limit int) ([]storage.LinkVersion, error)
}

// CampaignStore keeps campaigns. Its errors are those of Store.
type CampaignStore interface {
	GetCampaign(ctx context.Context, account uint32, name string) (storage.Campaign, error)
	// ListCampaigns returns up to limit campaigns, newest first, with ids below before (0 = from the newest).
	ListCampaigns(ctx context.Context, account uint32, before uint64, limit int) ([]storage.Campaign, error)
	// PutCampaign makes or replaces a campaign and writes its history in one transaction. With a version it is
	// link.ErrStale if the campaign has another one.
	PutCampaign(ctx context.Context, c storage.Campaign, ifVersion *uint32) (storage.Campaign, error)
}

// Cache is told of what is new. It never fails a create: what it misses is loaded at the first click.
type Cache interface {
	Warm(ctx context.Context, links []link.Link)
	// Share is Warm without this process's memory.
	Share(ctx context.Context, links []link.Link)
	LinkChanged(ctx context.Context, id uint64)
	CampaignChanged(ctx context.Context, id uint64)
	DomainsChanged(ctx context.Context)
}
