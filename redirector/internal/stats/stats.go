// Package stats answers what was clicked, by whom, and how complete the answer is: it composes the counters of storage
// into figures. Rows are counted only in the minutes that the borders of a range cut.
//
// Place on the click's way: behind its end. A click that ingest has stored is in every figure at once.
package stats

import (
	"context"
	"fmt"

	"longtail/shared/storage"
)

// Store has the counters. In its questions link 0 is the whole campaign.
type Store interface {
	// Totals counts a whole life.
	Totals(ctx context.Context, campaign, link uint64) (storage.Count, error)
	// Sums counts the pieces in one snapshot. Its uniques are the recipients whose first click in the campaign lies in
	// them, 0 for a link.
	Sums(ctx context.Context, campaign, link uint64, pieces []storage.Piece) (storage.Count, error)
	// ByLink counts each link of a campaign, the most clicked first: its whole life (no pieces) or the pieces.
	ByLink(ctx context.Context, campaign uint64, pieces []storage.Piece, limit int) ([]storage.LinkCount, error)
	// Cells returns the cells of the pieces that are not 0, in order.
	Cells(ctx context.Context, campaign, link uint64, pieces []storage.Piece) ([]storage.Cell, error)
	// RetentionFloor is the first UTC day (yyyymmdd) whose clicks are kept. It rises before they are dropped.
	RetentionFloor(ctx context.Context) (day int32, err error)
	// Completeness is the time before which every answered click is counted.
	Completeness(ctx context.Context) (ms int64, err error)
	// Gaps touch [fromMS, toMS); 0 = without that border.
	Gaps(ctx context.Context, fromMS, toMS int64) ([]storage.Gap, error)
	FeedBalance(ctx context.Context, campaign uint64) (storage.FeedBalance, error)
	// Recipients returns up to limit of those who clicked and whose names begin with prefix, in the order of their names,
	// behind after.
	Recipients(ctx context.Context, campaign uint64, prefix, after string, limit int) ([]storage.Clicker, error)
	ClickStore
}

// linksMost is how many links of a campaign an answer names, the most clicked first.
const linksMost = 1000

// A Question asks for figures of a campaign, or of one of its links.
type Question struct {
	Campaign   uint64
	Link       uint64 // 0 = the whole campaign
	SinceMS    int64  // nothing was clicked before
	FromMS     *int64
	ToMS       *int64
	Zone       string // IANA; "" = UTC
	Resolution string // "" = no series, minute, hour, day
}

// An Answer is figures and how complete they are.
type Answer struct {
	storage.Count
	CompleteMS int64
	Gaps       []storage.Gap
	Links      []storage.LinkCount // of a campaign
	Series     []storage.Cell      // nil = not asked for
}

// A Service answers questions.
type Service struct{ store Store }

// New returns a service over a store.
func New(store Store) *Service { return &Service{store} }

// Figures answers a question. A question that cannot be answered exactly is a *problem.Problem.
func (s *Service) Figures(ctx context.Context, q Question) (Answer, error) {
	span, err := q.span()
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	// Completeness first: what is counted a moment later is in the figures all the same, never the other way round.
	if a.CompleteMS, err = s.store.Completeness(ctx); err != nil {
		return a, fmt.Errorf("read completeness: %w", err)
	}
	if a.Count, err = s.count(ctx, q, span); err != nil {
		return a, fmt.Errorf("count: %w", err)
	}
	if q.Link == 0 {
		if a.Links, err = s.store.ByLink(ctx, q.Campaign, span.pieces(), linksMost); err != nil {
			return a, fmt.Errorf("count by link: %w", err)
		}
	}
	if span.step != nil {
		cells, err := s.store.Cells(ctx, q.Campaign, q.Link, span.seriesPieces())
		if err != nil {
			return a, fmt.Errorf("read series: %w", err)
		}
		a.Series = span.series(cells)
	}
	if err := s.kept(ctx, q); err != nil {
		return a, err
	}
	if a.Gaps, err = s.store.Gaps(ctx, span.fromMS, span.gapsTo()); err != nil {
		return a, fmt.Errorf("read gaps: %w", err)
	}
	return a, nil
}

func (s *Service) count(ctx context.Context, q Question, span span) (storage.Count, error) {
	if span.life {
		return s.store.Totals(ctx, q.Campaign, q.Link)
	}
	c, err := s.store.Sums(ctx, q.Campaign, q.Link, span.pieces())
	if err == nil && q.Link != 0 {
		var life storage.Count
		life, err = s.store.Totals(ctx, q.Campaign, q.Link)
		c.Uniques = life.Uniques
	}
	return c, err
}

// kept checks that no rows were dropped where rows were counted.
func (s *Service) kept(ctx context.Context, q Question) error {
	if !cuts(q.FromMS) && !cuts(q.ToMS) {
		return nil
	}
	floorDay, err := s.store.RetentionFloor(ctx)
	if err != nil {
		return fmt.Errorf("read the retention floor: %w", err)
	}
	return q.checkKept(floorDay)
}

// Balance tells where a campaign's answered clicks are.
func (s *Service) Balance(ctx context.Context, campaign uint64) (storage.FeedBalance, error) {
	b, err := s.store.FeedBalance(ctx, campaign)
	if err != nil {
		return b, fmt.Errorf("read balance: %w", err)
	}
	return b, nil
}

// Recipients returns who clicked in a campaign and has a name that begins with prefix, in the order of their names, and the
// last name if there are more.
func (s *Service) Recipients(ctx context.Context, campaign uint64, prefix, after string, limit int) (found []storage.Clicker, next string, err error) {
	found, err = s.store.Recipients(ctx, campaign, prefix, after, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("read recipients: %w", err)
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].Recipient
	}
	return found, next, nil
}
