package storage

import (
	"context"
	"fmt"
	"slices"
)

// LinkFacts returns what ingest must know of the links, on the primary. Links that do not exist are missing from the
// answer; a deleted link is there, for it may have been clicked before.
func (d *DB) LinkFacts(ctx context.Context, ids []uint64) (map[uint64]LinkFact, error) {
	facts := make(map[uint64]LinkFact, len(ids))
	type row struct {
		id   uint64
		name []byte
		LinkFact
	}
	for some := range slices.Chunk(ids, idsAtOnce) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		rows, err := d.sql.QueryContext(ctx, "SELECT l.id, l.account_id, l.campaign_id, c.name, l.domain_id, l.ordinal"+
			" FROM links AS l JOIN campaigns AS c ON c.id = l.campaign_id WHERE l.id IN ("+marks(len(some))+")", args...)
		if err != nil {
			return nil, fmt.Errorf("look up %d links: %w", len(some), err)
		}
		found, err := collect(rows, func(r *row) []any {
			return []any{&r.id, &r.Account, &r.Campaign, &r.name, &r.Domain, &r.Ordinal}
		})
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			r.CampaignName = string(r.name)
			facts[r.id] = r.LinkFact
		}
	}
	return facts, nil
}
