package stats

import (
	"context"
	"fmt"
	"iter"

	"longtail/redirector/internal/problem"
	"longtail/shared/click"
	"longtail/shared/storage"
)

// exportPage is how many clicks are read at once: short questions, so that days can be dropped between them.
const exportPage = 2000

// ClickStore has the clicks themselves.
type ClickStore interface {
	// Clicks returns up to limit clicks of a campaign in [fromMS, toMS), in the order of their ids, behind after.
	Clicks(ctx context.Context, campaign uint64, fromMS, toMS int64, after click.ID, limit int) ([]storage.ExportedClick, error)
	// CampaignIDs returns up to limit campaigns of an account in the order of their ids, behind after.
	CampaignIDs(ctx context.Context, account uint32, after uint64, limit int) ([]uint64, error)
}

// An Export asks for clicks.
type Export struct {
	Account  uint32
	Campaign uint64 // 0 = all of the account, one after another
	FromMS   *int64
	ToMS     *int64
	After    click.ID // only with a campaign: behind this click
}

// A Stream is an export that can be read.
type Stream struct {
	// UptoMS is where the next export goes on. It is never past the time up to which all clicks are counted, so that
	// nothing is skipped.
	UptoMS int64

	store  ClickStore
	ask    Export
	fromMS int64
}

// Export begins an export.
func (s *Service) Export(ctx context.Context, ask Export) (*Stream, error) {
	complete, err := s.store.Completeness(ctx)
	if err != nil {
		return nil, fmt.Errorf("read completeness: %w", err)
	}
	stream := &Stream{UptoMS: complete, store: s.store, ask: ask}
	if ask.FromMS != nil {
		stream.fromMS = *ask.FromMS
	}
	if ask.ToMS != nil {
		if *ask.ToMS <= stream.fromMS {
			return nil, problem.New(problem.Invalid, problem.Field{Field: "from", Rule: problem.RuleOrder, Detail: "from lies before to"})
		}
		stream.UptoMS = min(complete, *ask.ToMS)
	}
	stream.UptoMS = max(stream.UptoMS, stream.fromMS)
	return stream, nil
}

// Clicks yields the clicks by campaign and in the order of their times, until an error.
func (s *Stream) Clicks(ctx context.Context) iter.Seq2[*storage.ExportedClick, error] {
	return func(yield func(*storage.ExportedClick, error) bool) {
		if s.ask.Campaign != 0 {
			s.campaign(ctx, s.ask.Campaign, s.ask.After, yield)
			return
		}
		for after := uint64(0); ; {
			ids, err := s.store.CampaignIDs(ctx, s.ask.Account, after, exportPage)
			if err != nil {
				yield(nil, fmt.Errorf("read campaigns: %w", err))
				return
			}
			for _, after = range ids {
				if !s.campaign(ctx, after, click.ID{}, yield) {
					return
				}
			}
			if len(ids) < exportPage {
				return
			}
		}
	}
}

// campaign yields the clicks of one campaign, and reports whether to go on.
func (s *Stream) campaign(ctx context.Context, id uint64, after click.ID, yield func(*storage.ExportedClick, error) bool) bool {
	for s.fromMS < s.UptoMS {
		page, err := s.store.Clicks(ctx, id, s.fromMS, s.UptoMS, after, exportPage)
		if err != nil {
			yield(nil, fmt.Errorf("read clicks: %w", err))
			return false
		}
		for i := range page {
			if !yield(&page[i], nil) {
				return false
			}
		}
		if len(page) < exportPage {
			return true
		}
		after = page[len(page)-1].ID
	}
	return true
}
