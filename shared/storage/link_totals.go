package storage

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
)

// The table link_totals: clicks and unique recipients over a link's whole life. Totals are never a sum of minutes, so
// late clicks stay in them after their minutes were dropped.

func (d *DB) addTotals(ctx context.Context, tx *sql.Tx, totals map[totalKey]total) error {
	keys := slices.SortedFunc(maps.Keys(totals), func(x, y totalKey) int {
		return cmp.Or(cmp.Compare(x.campaign, y.campaign), cmp.Compare(x.link, y.link), cmp.Compare(x.class, y.class))
	})
	insert := multi{
		head: "INSERT INTO link_totals (campaign_id, link_id, class, clicks, uniques, last_ms) VALUES ",
		cols: 6,
		tail: d.dia.Upsert("link_totals", "campaign_id, link_id, class", "clicks = old.clicks + new.clicks",
			"uniques = old.uniques + new.uniques", "last_ms = GREATEST(old.last_ms, new.last_ms)"),
	}
	_, err := insert.run(ctx, d, tx, len(keys), func(args []any, i int) []any {
		k := keys[i]
		return append(args, k.campaign, k.link, uint8(k.class), totals[k].clicks, totals[k].uniques, totals[k].last)
	})
	return err
}
