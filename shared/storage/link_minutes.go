package storage

import (
	"context"
	"database/sql"

	"longtail/shared/click"
)

// The table link_minutes: clicks by link, minute and class, kept 35 days.

func (d *DB) addMinutes(ctx context.Context, tx *sql.Tx, cells map[cellKey]cell) error {
	keys := cellOrder(cells)
	insert := multi{
		head: "INSERT INTO link_minutes (campaign_id, link_id, minute, class, day, clicks, firsts) VALUES ",
		cols: 7,
		tail: d.dia.Upsert("link_minutes", "campaign_id, link_id, minute, class, day",
			"clicks = old.clicks + new.clicks", "firsts = old.firsts + new.firsts"),
	}
	_, err := insert.run(ctx, d, tx, len(keys), func(args []any, i int) []any {
		k := keys[i]
		return append(args, k.campaign, k.link, k.at, uint8(k.class), click.Day(k.at*minuteMS), cells[k].clicks, cells[k].firsts)
	})
	return err
}
