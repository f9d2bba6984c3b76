package storage

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
)

// mendRecipients writes the recipients that differ anew from their clicks.
func (d *DB) mendRecipients(ctx context.Context, tx *sql.Tx, found []Difference) error {
	wrong := map[uint64]map[string]bool{}
	for _, f := range found {
		if wrong[f.Campaign] == nil {
			wrong[f.Campaign] = map[string]bool{}
		}
		wrong[f.Campaign][f.Recipient] = true
	}
	floor, err := d.RetentionFloor(ctx)
	if err != nil {
		return err
	}
	for _, campaign := range slices.Sorted(maps.Keys(wrong)) {
		for some := range slices.Chunk(slices.Sorted(maps.Keys(wrong[campaign])), idsAtOnce) {
			if err := d.rewriteRecipients(ctx, tx, campaign, some, floor == firstDay); err != nil {
				return fmt.Errorf("recipients of campaign %d: %w", campaign, err)
			}
		}
	}
	return nil
}

// rewriteRecipients takes the lock that every ingest transaction of these recipients needs, their page 0, and reads the
// clicks behind it: those of a transaction that still waits for the lock are not yet seen, and are added by it later.
func (d *DB) rewriteRecipients(ctx context.Context, tx *sql.Tx, campaign uint64, recipients []string, whole bool) error {
	lock := multi{
		head: "INSERT INTO recipients (campaign_id, recipient, page, links, prev_links, first_ms, prev_first, last_ms, clicks) VALUES ",
		cols: 9, tail: d.dia.Ignore("recipients", "campaign_id, recipient, page"),
	}
	_, err := lock.run(ctx, d, tx, len(recipients), func(args []any, i int) []any {
		return append(args, campaign, []byte(recipients[i]), 0, 0, 0, newRow, 0, 0, 0)
	})
	if err != nil {
		return err
	}
	args := []any{campaign}
	for _, r := range recipients {
		args = append(args, []byte(r))
	}
	in := " AND recipient IN (" + marks(len(recipients)) + ")"
	rows, err := tx.QueryContext(ctx, "SELECT recipient, page, links, first_ms, last_ms, clicks FROM recipients WHERE campaign_id = ?"+in+d.dia.ForUpdate, args...)
	if err != nil {
		return err
	}
	have, err := collect(rows, func(p *recipientPage) []any {
		return []any{&p.recipient, &p.page, &p.links, &p.first, &p.last, &p.clicks}
	})
	if err != nil {
		return err
	}
	ordinals, err := linkOrdinals(ctx, tx, campaign)
	if err != nil {
		return err
	}
	pages, err := recipientsOf(ctx, tx, ordinals, in, args)
	if err != nil {
		return err
	}
	if !whole {
		keepOlder(campaign, pages, have)
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM recipients WHERE campaign_id = ?"+in, args...); err != nil {
		return err
	}
	return d.putPages(ctx, tx, pages)
}

// newRow is the first_ms of a row that was only made to be locked.
const newRow = 1<<63 - 1

// keepOlder keeps what a row knows of clicks that were dropped.
func keepOlder(campaign uint64, pages map[pageKey]recipientPage, have []recipientPage) {
	for _, h := range have {
		if h.first == newRow {
			continue
		}
		key := pageKey{campaign, h.recipient, h.page}
		p, ok := pages[key]
		if !ok {
			p = h
			p.campaign = campaign
		}
		p.links, p.first, p.last, p.clicks = p.links|h.links, min(p.first, h.first), max(p.last, h.last), max(p.clicks, h.clicks)
		pages[key] = p
	}
}

func (d *DB) putPages(ctx context.Context, tx *sql.Tx, pages map[pageKey]recipientPage) error {
	keys := slices.SortedFunc(maps.Keys(pages), comparePageKeys)
	_, err := d.recipientsUpsert().run(ctx, d, tx, len(keys), func(args []any, i int) []any {
		p := pages[keys[i]]
		return append(args, p.campaign, []byte(p.recipient), p.page, p.links, p.links, p.first, p.first, p.last, p.clicks)
	})
	return err
}
