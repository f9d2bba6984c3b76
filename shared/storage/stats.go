package storage

import (
	"context"
	"fmt"
	"slices"
)

// The figures: what is read of the counters link_totals, link_minutes and link_quarters. Rows of clicks are counted only
// in the minutes that a border cuts. Link 0 is the whole campaign.

// A Count is what was clicked. Clicks = Human + Machine + Unknown.
type Count struct {
	Clicks, Human, Machine, Unknown int64
	Uniques                         int64 // recipients
}

func (c *Count) add(class Class, clicks, uniques int64) {
	c.Clicks += clicks
	c.Uniques += uniques
	switch class {
	case Human:
		c.Human += clicks
	case Machine:
		c.Machine += clicks
	default:
		c.Unknown += clicks
	}
}

// A Cell is how often was clicked in the minute, the quarter or the piece of rows that begins then.
type Cell struct {
	StartMS int64
	Clicks  int64
}

type classCount struct {
	class           Class
	clicks, uniques int64
}

func (c *classCount) into() []any { return []any{&c.class, &c.clicks, &c.uniques} }

// Totals counts a whole life: of a campaign (link 0), or of a link.
func (d *DB) Totals(ctx context.Context, campaign, link uint64) (Count, error) {
	return d.counts(ctx, "SELECT class, clicks, uniques FROM link_totals WHERE campaign_id = ? AND link_id = ?", campaign, link)
}

// Sums counts the pieces, which must not overlap, in one statement. Its uniques are the recipients whose first click in
// the campaign lies in them; 0 for a link, whose uniques are known over its life only.
func (d *DB) Sums(ctx context.Context, campaign, link uint64, pieces []Piece) (Count, error) {
	if len(pieces) == 0 {
		return Count{}, nil
	}
	query, args := overPieces(pieces, scope{campaign: campaign, link: link, firsts: true}, "class, SUM(clicks), SUM(firsts)", "class")
	return d.counts(ctx, query, args...)
}

func (d *DB) counts(ctx context.Context, query string, args ...any) (c Count, err error) {
	rows, err := d.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return c, fmt.Errorf("count clicks: %w", err)
	}
	all, err := collect(rows, (*classCount).into)
	for _, one := range all {
		c.add(one.class, one.clicks, one.uniques)
	}
	return c, err
}

// Cells returns the cells of the pieces in which was clicked, in the order of time.
func (d *DB) Cells(ctx context.Context, campaign, link uint64, pieces []Piece) ([]Cell, error) {
	if len(pieces) == 0 {
		return nil, nil
	}
	query, args := overPieces(pieces, scope{campaign: campaign, link: link}, "AT * UNIT AS start_ms, SUM(clicks)", "AT HAVING SUM(clicks) > 0")
	rows, err := d.sql.QueryContext(ctx, query+" ORDER BY start_ms", args...)
	if err != nil {
		return nil, fmt.Errorf("read cells: %w", err)
	}
	return collect(rows, func(c *Cell) []any { return []any{&c.StartMS, &c.Clicks} })
}

// A LinkCount is the count of one link. Its uniques are those of its whole life.
type LinkCount struct {
	Link   uint64
	Domain uint32
	Code   string
	URL    string
	Count
}

// ByLink counts the links of a campaign, the most clicked first: their whole lives if pieces is nil, else the pieces.
// Behind those that were clicked stand the others that are not deleted, in the order of their making. It returns at most
// limit links.
func (d *DB) ByLink(ctx context.Context, campaign uint64, pieces []Piece, limit int) ([]LinkCount, error) {
	counted, err := d.rank(ctx, campaign, pieces, limit)
	if err != nil {
		return nil, fmt.Errorf("count by link: %w", err)
	}
	if len(counted) < limit {
		if counted, err = d.withUnclicked(ctx, campaign, counted, limit); err != nil {
			return nil, fmt.Errorf("read links that were not clicked: %w", err)
		}
	}
	return counted, d.describe(ctx, campaign, counted)
}

// rank returns the links that were clicked, the most clicked first.
func (d *DB) rank(ctx context.Context, campaign uint64, pieces []Piece, limit int) ([]LinkCount, error) {
	cells, args := "SELECT link_id, class, clicks FROM link_totals WHERE campaign_id = ? AND link_id > 0", []any{campaign}
	if pieces != nil {
		if len(pieces) == 0 {
			return nil, nil
		}
		cells, args = overPieces(pieces, scope{campaign: campaign, byLink: true}, "link_id, class, SUM(clicks) AS clicks", "link_id, class")
	}
	rows, err := d.sql.QueryContext(ctx, "SELECT link_id, SUM(clicks) AS n, SUM(CASE class WHEN 1 THEN clicks ELSE 0 END),"+
		" SUM(CASE class WHEN 2 THEN clicks ELSE 0 END), SUM(CASE class WHEN 0 THEN clicks ELSE 0 END) FROM ("+cells+") AS cells"+
		" GROUP BY link_id HAVING SUM(clicks) > 0 ORDER BY n DESC, link_id LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(l *LinkCount) []any { return []any{&l.Link, &l.Clicks, &l.Human, &l.Machine, &l.Unknown} })
}

func (d *DB) withUnclicked(ctx context.Context, campaign uint64, counted []LinkCount, limit int) ([]LinkCount, error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT id FROM links WHERE campaign_id = ? AND state <> 3 ORDER BY ordinal LIMIT ?", campaign, limit)
	if err != nil {
		return nil, err
	}
	others, err := collect(rows, func(l *LinkCount) []any { return []any{&l.Link} })
	if err != nil {
		return nil, err
	}
	have := make(map[uint64]bool, len(counted))
	for _, l := range counted {
		have[l.Link] = true
	}
	others = slices.DeleteFunc(others, func(l LinkCount) bool { return have[l.Link] })
	return append(counted, others[:min(len(others), limit-len(counted))]...), nil
}

// describe adds what the links are called, where they lead now, and the uniques of their lives.
func (d *DB) describe(ctx context.Context, campaign uint64, counted []LinkCount) error {
	type row struct {
		id, domain uint64
		code, url  []byte
		uniques    int64
	}
	at := make(map[uint64]*LinkCount, len(counted))
	for i := range counted {
		at[counted[i].Link] = &counted[i]
	}
	for some := range slices.Chunk(counted, idsAtOnce) {
		args := []any{campaign}
		for _, l := range some {
			args = append(args, l.Link)
		}
		// Only the row of class 0 has uniques.
		rows, err := d.sql.QueryContext(ctx, "SELECT l.id, l.domain_id, l.code, l.url, COALESCE(t.uniques, 0) FROM links AS l"+
			" LEFT JOIN link_totals AS t ON t.campaign_id = ? AND t.link_id = l.id AND t.class = 0 WHERE l.id IN ("+marks(len(some))+")", args...)
		if err != nil {
			return fmt.Errorf("describe links: %w", err)
		}
		found, err := collect(rows, func(r *row) []any { return []any{&r.id, &r.domain, &r.code, &r.url, &r.uniques} })
		if err != nil {
			return fmt.Errorf("describe links: %w", err)
		}
		for _, r := range found {
			l := at[r.id]
			l.Domain, l.Code, l.URL, l.Uniques = uint32(r.domain), string(r.code), string(r.url), r.uniques
		}
	}
	return nil
}
