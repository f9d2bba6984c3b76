package storage

import (
	"context"
	"fmt"
)

// A Clicker is a recipient who clicked in a campaign with a valid token.
type Clicker struct {
	Recipient       string
	Clicks          int64
	FirstMS, LastMS int64
}

// Recipients returns up to limit of those who clicked in a campaign and whose names begin with prefix, in the order of the
// bytes of their names, behind after ("" = from the first).
func (d *DB) Recipients(ctx context.Context, campaign uint64, prefix, after string, limit int) ([]Clicker, error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT recipient, clicks, first_ms, last_ms FROM recipients"+
		" WHERE campaign_id = ? AND recipient > ? AND recipient >= ? AND recipient < ? AND page = 0 ORDER BY recipient LIMIT ?",
		campaign, []byte(after), []byte(prefix), append([]byte(prefix), 0xff), limit) // names are ASCII
	if err != nil {
		return nil, fmt.Errorf("read recipients: %w", err)
	}
	return collect(rows, func(c *Clicker) []any { return []any{&c.Recipient, &c.Clicks, &c.FirstMS, &c.LastMS} })
}
