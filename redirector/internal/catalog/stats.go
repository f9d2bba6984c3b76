package catalog

import (
	"context"

	"longtail/redirector/internal/stats"
	"longtail/shared/click"
	"longtail/shared/storage"
)

var _ stats.Store = (*Catalog)(nil)

// Totals counts a whole life.
func (c *Catalog) Totals(ctx context.Context, campaign, link uint64) (stats.Count, error) {
	return ask(c, func(db *storage.DB) (stats.Count, error) {
		n, err := db.Totals(ctx, campaign, link)
		return stats.Count(n), err
	})
}

// Sums counts pieces of time.
func (c *Catalog) Sums(ctx context.Context, campaign, link uint64, pieces []stats.Piece) (stats.Count, error) {
	return ask(c, func(db *storage.DB) (stats.Count, error) {
		n, err := db.Sums(ctx, campaign, link, piecesOf(pieces))
		return stats.Count(n), err
	})
}

// ByLink counts the links of a campaign.
func (c *Catalog) ByLink(ctx context.Context, campaign uint64, pieces []stats.Piece, limit int) ([]stats.LinkCount, error) {
	return ask(c, func(db *storage.DB) ([]stats.LinkCount, error) {
		rows, err := db.ByLink(ctx, campaign, piecesOf(pieces), limit)
		return fit(rows, func(r storage.LinkCount) stats.LinkCount {
			return stats.LinkCount{Link: r.Link, Domain: r.Domain, Code: r.Code, URL: r.URL, Count: stats.Count(r.Count)}
		}), err
	})
}

// Cells returns what was clicked by minute or quarter hour.
func (c *Catalog) Cells(ctx context.Context, campaign, link uint64, pieces []stats.Piece) ([]stats.Cell, error) {
	return ask(c, func(db *storage.DB) ([]stats.Cell, error) {
		cells, err := db.Cells(ctx, campaign, link, piecesOf(pieces))
		return fit(cells, func(cell storage.Cell) stats.Cell { return stats.Cell(cell) }), err
	})
}

// piecesOf keeps nil, which means a whole life.
func piecesOf(pieces []stats.Piece) []storage.Piece {
	if pieces == nil {
		return nil
	}
	return fit(pieces, func(p stats.Piece) storage.Piece { return storage.Piece(p) })
}

// Completeness is the time before which every answered click is counted.
func (c *Catalog) Completeness(ctx context.Context) (int64, error) {
	return ask(c, func(db *storage.DB) (int64, error) { return db.Completeness(ctx) })
}

// Gaps are spans whose clicks are not all counted.
func (c *Catalog) Gaps(ctx context.Context, fromMS, toMS int64) ([]stats.Gap, error) {
	return ask(c, func(db *storage.DB) ([]stats.Gap, error) {
		gaps, err := db.Gaps(ctx, fromMS, toMS)
		return fit(gaps, func(g storage.Gap) stats.Gap {
			return stats.Gap{FromMS: g.FromMS, ToMS: g.ToMS, Clicks: g.Clicks, Reason: g.Reason}
		}), err
	})
}

// Balance tells where a campaign's answered clicks are.
func (c *Catalog) Balance(ctx context.Context, campaign uint64) (stats.Balance, error) {
	return ask(c, func(db *storage.DB) (stats.Balance, error) {
		b, err := db.FeedBalance(ctx, campaign)
		return stats.Balance(b), err
	})
}

// Recipients returns who clicked.
func (c *Catalog) Recipients(ctx context.Context, campaign uint64, after string, limit int) ([]stats.Recipient, error) {
	return ask(c, func(db *storage.DB) ([]stats.Recipient, error) {
		rows, err := db.Recipients(ctx, campaign, after, limit)
		return fit(rows, func(r storage.Clicker) stats.Recipient { return stats.Recipient(r) }), err
	})
}

// Clicks returns the clicks themselves.
func (c *Catalog) Clicks(ctx context.Context, campaign uint64, fromMS, toMS int64, after click.ID, limit int) ([]stats.Click, error) {
	return ask(c, func(db *storage.DB) ([]stats.Click, error) {
		rows, err := db.Clicks(ctx, campaign, fromMS, toMS, after, limit)
		return fit(rows, func(r storage.ExportedClick) stats.Click { return stats.Click(r) }), err
	})
}

// CampaignIDs returns the campaigns of an account.
func (c *Catalog) CampaignIDs(ctx context.Context, account uint32, after uint64, limit int) ([]uint64, error) {
	return ask(c, func(db *storage.DB) ([]uint64, error) { return db.CampaignIDs(ctx, account, after, limit) })
}
