package storage

import (
	"context"
	"database/sql"
)

// The table link_quarters: clicks by link, quarter of an hour and class, kept for ever.

func (d *DB) addQuarters(ctx context.Context, tx *sql.Tx, cells map[cellKey]cell) error {
	keys := cellOrder(cells)
	insert := multi{
		head: "INSERT INTO link_quarters (campaign_id, link_id, quarter, class, clicks, firsts) VALUES ",
		cols: 6,
		tail: d.dia.Upsert("link_quarters", "campaign_id, link_id, quarter, class",
			"clicks = old.clicks + new.clicks", "firsts = old.firsts + new.firsts"),
	}
	_, err := insert.run(ctx, d, tx, len(keys), func(args []any, i int) []any {
		k := keys[i]
		return append(args, k.campaign, k.link, k.at, uint8(k.class), cells[k].clicks, cells[k].firsts)
	})
	return err
}
