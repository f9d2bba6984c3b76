package storage

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// The table recipients: exact uniques. One bit for every link of the campaign that the recipient clicked, and when
// first. Only GETs with a valid token are in it.

// bitsPerPage leaves the two highest bits of the column alone: with bit 63 set, OR leaves BIGINT's range.
const bitsPerPage = 62

// recipientPage is one row, first merged in memory: the same key twice in one statement would overwrite prev_*.
type recipientPage struct {
	campaign  uint64
	recipient string
	page      uint32
	links     int64
	first     int64
	last      int64
	clicks    int64
}

// met is what a batch did to one row: its transition.
type met struct {
	campaign  uint64
	recipient string
	page      uint32
	newLinks  int64 // bits that were not set before
	prevFirst int64 // 0 = the row is new
	first     int64
}

type pageKey struct {
	campaign  uint64
	recipient string
	page      uint32
}

func mergeRecipients(clicks []ClickRow) []recipientPage {
	pages := map[pageKey]*recipientPage{}
	touch := func(c *ClickRow, page uint32) *recipientPage {
		key := pageKey{c.Click.Campaign, c.Recipient, page}
		p := pages[key]
		if p == nil {
			p = &recipientPage{campaign: key.campaign, recipient: key.recipient, page: page, first: c.Click.ID.MS()}
			pages[key] = p
		}
		p.first, p.last = min(p.first, c.Click.ID.MS()), max(p.last, c.Click.ID.MS())
		return p
	}
	for i := range clicks {
		c := &clicks[i]
		if c.Token != TokenValid || !c.Click.Counts() {
			continue
		}
		touch(c, 0).clicks++
		touch(c, c.Click.Ordinal/bitsPerPage).links |= 1 << (c.Click.Ordinal % bitsPerPage)
	}
	merged := make([]recipientPage, 0, len(pages))
	for _, p := range pages {
		merged = append(merged, *p)
	}
	slices.SortFunc(merged, func(x, y recipientPage) int {
		return cmp.Or(cmp.Compare(x.campaign, y.campaign), strings.Compare(x.recipient, y.recipient), cmp.Compare(x.page, y.page))
	})
	return merged
}

// transition is what met is read from.
const transition = "campaign_id, recipient, page, links & ~prev_links, prev_first, first_ms"

func (d *DB) recipientsUpsert() *multi {
	return &multi{
		head: "INSERT INTO recipients (campaign_id, recipient, page, links, prev_links, first_ms, prev_first, last_ms, clicks) VALUES ",
		cols: 9,
		tail: d.dia.Upsert("recipients", "campaign_id, recipient, page",
			"prev_links = old.links", "links = old.links | new.links",
			"prev_first = old.first_ms", "first_ms = LEAST(old.first_ms, new.first_ms)",
			"last_ms = GREATEST(old.last_ms, new.last_ms)", "clicks = old.clicks + new.clicks"),
	}
}

// recipientsMeeting returns what was met where the dialect can; no question is needed then.
func (d *DB) recipientsMeeting() *multi {
	m := d.recipientsUpsert()
	if d.dia.Returning {
		m.tail += " RETURNING " + transition
	}
	return m
}

// meetRecipients writes the batch's recipients and reads what that changed. The statement that writes a row locks it and
// keeps the old values beside the new ones, so what is read is this transaction's own transition.
func (d *DB) meetRecipients(ctx context.Context, tx *sql.Tx, clicks []ClickRow) (all []met, err error) {
	pages := mergeRecipients(clicks)
	if len(pages) == 0 {
		return nil, nil
	}
	var read func(*sql.Rows) error
	if d.dia.Returning {
		all = make([]met, 0, len(pages))
		read = func(rows *sql.Rows) error {
			some, err := collectMet(rows)
			all = append(all, some...)
			return err
		}
	}
	err = d.recipientsMeeting().fill(ctx, d, tx, len(pages), func(v *values, i int) {
		p := &pages[i]
		v.uint(p.campaign)
		v.text(p.recipient)
		v.uint(uint64(p.page))
		v.int(p.links)
		v.int(0)
		v.int(p.first)
		v.int(0)
		v.int(p.last)
		v.int(p.clicks)
	}, read)
	if err != nil || d.dia.Returning {
		return all, err
	}
	return d.transitions(ctx, tx, pages)
}

// transitions reads the rows that were written. An untouched page of the same recipient still carries an older
// transition and is left out.
func (d *DB) transitions(ctx context.Context, tx *sql.Tx, pages []recipientPage) ([]met, error) {
	written := make(map[pageKey]bool, len(pages))
	recipients := map[uint64][]string{}
	var campaigns []uint64
	for _, p := range pages {
		written[pageKey{p.campaign, p.recipient, p.page}] = true
		names := recipients[p.campaign]
		if names == nil {
			campaigns = append(campaigns, p.campaign)
		}
		if p.page == 0 {
			recipients[p.campaign] = append(names, p.recipient)
		}
	}
	var all []met
	for _, campaign := range campaigns {
		for some := range slices.Chunk(recipients[campaign], maxStatementRows) {
			read, err := d.readTransitions(ctx, tx, campaign, some)
			if err != nil {
				return nil, err
			}
			for _, m := range read {
				if written[pageKey{m.campaign, m.recipient, m.page}] {
					all = append(all, m)
				}
			}
		}
	}
	return all, nil
}

func (d *DB) readTransitions(ctx context.Context, tx *sql.Tx, campaign uint64, recipients []string) ([]met, error) {
	args := append(make([]any, 0, len(recipients)+1), campaign)
	for _, r := range recipients {
		args = append(args, []byte(r))
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+transition+
		" FROM recipients WHERE campaign_id = ? AND recipient IN ("+marks(len(recipients))+")", args...)
	if err != nil {
		return nil, fmt.Errorf("read %d recipients: %w", len(recipients), err)
	}
	return collectMet(rows)
}

func collectMet(rows *sql.Rows) ([]met, error) {
	return collect(rows, func(m *met) []any {
		return []any{&m.campaign, &m.recipient, &m.page, &m.newLinks, &m.prevFirst, &m.first}
	})
}
