package catalog

import (
	"context"

	"longtail/redirector/internal/links"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// Domains returns all domains of all accounts.
func (c *Catalog) Domains(ctx context.Context) ([]links.Domain, error) {
	return ask(c, func(db *storage.DB) ([]links.Domain, error) {
		rows, err := db.Domains(ctx)
		return fit(rows, func(r storage.Domain) links.Domain {
			return links.Domain{ID: r.ID, Account: r.Account, Host: r.Host, Default: r.Default, Installation: r.Installation}
		}), err
	})
}

// CreateLinks stores a chunk of links.
func (c *Catalog) CreateLinks(ctx context.Context, news []links.NewLink) ([]links.Made, error) {
	return ask(c, func(db *storage.DB) ([]links.Made, error) {
		made, err := db.CreateLinks(ctx, fit(news, func(n links.NewLink) storage.NewLink { return storage.NewLink(n) }))
		return fit(made, func(r storage.CreateResult) links.Made { return links.Made(r) }), err
	})
}

// FindLink returns the link of a code.
func (c *Catalog) FindLink(ctx context.Context, domain uint32, code string) (link.Link, error) {
	return ask(c, func(db *storage.DB) (link.Link, error) { return db.FindLink(ctx, domain, code) })
}

// UpdateLink changes a link.
func (c *Catalog) UpdateLink(ctx context.Context, account uint32, id uint64, change links.Change, ifVersion *uint32) (link.Link, error) {
	return ask(c, func(db *storage.DB) (link.Link, error) {
		return db.UpdateLink(ctx, account, id, storage.Patch(change), ifVersion)
	})
}

// ListLinks returns links, newest first.
func (c *Catalog) ListLinks(ctx context.Context, filter links.Filter, before uint64, limit int) ([]link.Link, error) {
	return ask(c, func(db *storage.DB) ([]link.Link, error) {
		return db.ListLinks(ctx, storage.LinkFilter(filter), before, limit)
	})
}

// LinkHistory returns how a link was, newest first.
func (c *Catalog) LinkHistory(ctx context.Context, id uint64, before uint32, limit int) ([]links.Version, error) {
	return ask(c, func(db *storage.DB) ([]links.Version, error) {
		rows, err := db.LinkHistory(ctx, id, before, limit)
		return fit(rows, func(v storage.LinkVersion) links.Version { return links.Version(v) }), err
	})
}

// EnsureCampaign finds or makes a campaign.
func (c *Catalog) EnsureCampaign(ctx context.Context, account uint32, name string) (links.Campaign, error) {
	return ask(c, func(db *storage.DB) (links.Campaign, error) {
		row, err := db.EnsureCampaign(ctx, account, name)
		return campaignOf(row).Campaign, err
	})
}

// FindCampaign returns a campaign.
func (c *Catalog) FindCampaign(ctx context.Context, account uint32, name string) (links.CampaignRow, error) {
	return ask(c, func(db *storage.DB) (links.CampaignRow, error) {
		row, err := db.GetCampaign(ctx, account, name)
		return campaignOf(row), err
	})
}

// ListCampaigns returns campaigns, newest first.
func (c *Catalog) ListCampaigns(ctx context.Context, account uint32, before uint64, limit int) ([]links.CampaignRow, error) {
	return ask(c, func(db *storage.DB) ([]links.CampaignRow, error) {
		rows, err := db.ListCampaigns(ctx, account, before, limit)
		return fit(rows, campaignOf), err
	})
}

// PutCampaign makes or replaces a campaign.
func (c *Catalog) PutCampaign(ctx context.Context, account uint32, row links.CampaignRow, ifVersion *uint32) (links.CampaignRow, error) {
	return ask(c, func(db *storage.DB) (links.CampaignRow, error) {
		put, err := db.PutCampaign(ctx, storage.Campaign{
			Account: account, Name: row.Name, Title: row.Title, Domain: row.Campaign.Domain, UTM: row.UTM, RedirectAll: row.RedirectAll, SentMS: row.SentMS,
		}, ifVersion)
		return campaignOf(put), err
	})
}

func campaignOf(r storage.Campaign) links.CampaignRow {
	return links.CampaignRow{
		Campaign:       links.Campaign{ID: r.ID, Name: r.Name, Domain: r.Domain},
		CampaignFields: links.CampaignFields{Title: r.Title, SentMS: r.SentMS, UTM: r.UTM, RedirectAll: r.RedirectAll},
		Version:        r.Version, CreatedMS: r.CreatedMS,
	}
}
