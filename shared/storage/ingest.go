package storage

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"longtail/shared/click"
	"longtail/shared/storage/dialect"
)

// duplicateRounds is how often a batch is begun again that met a click already stored and then found none that is. As long
// as some are found it goes on: each time it is smaller.
const duplicateRounds = 5

// lastDay is the last day that the columns and the views can name.
const lastDay = 9999_12_31

// Ingest makes a batch durable in one transaction: all of it, or nothing. Every click of the batch is then exactly once
// in clicks and in every counter, or a dead letter, whatever was delivered before; so a batch may be ingested again.
//
// ErrPoison tells that a click's own data is the reason: halve the batch until it stands alone. ErrBug tells that the
// schema or a counter does not fit: hold the batch and alert. Any other error is to be retried: nothing was stored, or
// nobody knows, and the next try finds out.
func (d *DB) Ingest(ctx context.Context, b Batch) (Outcome, error) {
	p := inOrder(b)
	if len(p.clicks) >= preparedRows {
		d.prepare(ctx, &clicksInsert, d.recipientsMeeting())
	}
	sum := Outcome{Duplicate: p.twice}
	for fruitless := 0; ; {
		var out Outcome
		retries, err := d.transact(ctx, true, func(tx *sql.Tx) (err error) {
			out, err = d.ingestOnce(ctx, tx, &p)
			return err
		})
		sum.Retries += retries
		if err == nil {
			sum.Inserted, sum.Dead = out.Inserted, out.Dead
			return sum, nil
		}
		if !errors.Is(err, errStored) || fruitless == duplicateRounds {
			return sum, fmt.Errorf("ingest %d clicks: %w", len(p.clicks), err)
		}
		gone, err := d.dropStored(ctx, &p)
		if err != nil {
			return sum, fmt.Errorf("ask which clicks are stored: %w", err)
		}
		if gone == 0 {
			fruitless++
		}
		sum.Duplicate += gone
		sum.Retries++
	}
}

// errStored: the statement met clicks that are stored already.
var errStored = errors.New("clicks are stored already")

// ordered is a batch in the order of its locks.
type ordered struct {
	clicks []ClickRow // by (campaign, id), unique
	dead   []DeadLetter
	ranges []Range
	twice  int
}

// inOrder sorts a batch and drops what is in it twice.
func inOrder(b Batch) ordered {
	p := ordered{clicks: slices.Clone(b.Clicks), dead: slices.Clone(b.Dead), ranges: slices.Clone(b.Ranges)}
	slices.SortFunc(p.clicks, func(x, y ClickRow) int {
		return cmp.Or(cmp.Compare(x.Click.Campaign, y.Click.Campaign), bytes.Compare(x.Click.ID[:], y.Click.ID[:]))
	})
	p.clicks = slices.CompactFunc(p.clicks, func(x, y ClickRow) bool {
		return x.Click.Campaign == y.Click.Campaign && x.Click.ID == y.Click.ID
	})
	p.twice = len(b.Clicks) - len(p.clicks)
	p.clicks = slices.DeleteFunc(p.clicks, func(c ClickRow) bool {
		impossible := c.Click.ID.Day() > lastDay
		if impossible {
			p.dead = append(p.dead, letterOf(&c, "bad_day", "the id's time lies after the year 9999"))
		}
		return impossible
	})
	slices.SortFunc(p.ranges, func(x, y Range) int {
		return cmp.Or(bytes.Compare(x.Feed[:], y.Feed[:]), cmp.Compare(x.From, y.From))
	})
	return p
}

// letterOf makes the dead letter of a click that was decoded.
func letterOf(c *ClickRow, reason, detail string) DeadLetter {
	return DeadLetter{
		ID: c.Click.ID, AtMS: time.Now().UnixMilli(), Reason: reason, Detail: detail, Account: c.Click.Account,
		Campaign: c.Click.Campaign, Feed: c.Feed, Counts: c.Click.Counts(), Body: click.AppendFrame(nil, &c.Click),
	}
}

// ingestOnce is one try, in the order of the locks: the hottest rows last. See docs/ARCHITECTURE.md for why each step
// stands where it does.
func (d *DB) ingestOnce(ctx context.Context, tx *sql.Tx, p *ordered) (out Outcome, err error) {
	floors, err := d.holdFloors(ctx, tx)
	if err != nil {
		return out, err
	}
	clicks, dead := aboveFloor(p.clicks, p.dead, floors.clicks)
	if err := d.insertClicks(ctx, tx, clicks); err != nil {
		return out, d.judgeClicks(err)
	}
	met, err := d.meetRecipients(ctx, tx, clicks)
	if err != nil {
		return out, d.judge(err)
	}
	cells := tally(clicks, met, floors.minutes)
	if err := d.addCells(ctx, tx, cells); err != nil {
		return out, d.judge(err)
	}
	counts := storedCounts(clicks)
	if out.Dead, err = d.setAside(ctx, tx, dead, clicks, counts); err != nil {
		return out, d.judge(err)
	}
	if err := d.markReplayed(ctx, tx, clicks, len(dead) > 0, counts); err != nil {
		return out, d.judge(err)
	}
	if err := d.addRanges(ctx, tx, p.ranges); err != nil {
		return out, d.judge(err)
	}
	out.Inserted = len(clicks)
	return out, d.judge(d.addCounts(ctx, tx, counts))
}

// judgeClicks reads an error of the statement that inserts clicks: only there the data is from outside.
func (d *DB) judgeClicks(err error) error {
	switch d.dia.Kind(err) {
	case dialect.Duplicate:
		return fmt.Errorf("%w: %w", errStored, err)
	case dialect.Data:
		return fmt.Errorf("%w: %w", ErrPoison, err)
	}
	return d.judge(err)
}

// judge reads an error of the other statements.
func (d *DB) judge(err error) error {
	switch d.dia.Kind(err) {
	case dialect.Data, dialect.Schema:
		return fmt.Errorf("%w: %w", ErrBug, err)
	}
	return err
}

// aboveFloor parts the clicks that can be stored from those whose partition was dropped: such a click was perhaps
// stored and counted already, and would be counted again.
func aboveFloor(clicks []ClickRow, dead []DeadLetter, floor int32) ([]ClickRow, []DeadLetter) {
	below := func(c ClickRow) bool { return c.Click.ID.Day() < floor }
	if !slices.ContainsFunc(clicks, below) {
		return clicks, dead
	}
	dead = slices.Clone(dead)
	kept := make([]ClickRow, 0, len(clicks))
	for _, c := range clicks {
		if below(c) {
			dead = append(dead, letterOf(&c, "expired", fmt.Sprintf("older than the retention floor %d", floor)))
		} else {
			kept = append(kept, c)
		}
	}
	return kept, dead
}

// dropStored takes the clicks that are stored out of the batch and tells how many they were.
func (d *DB) dropStored(ctx context.Context, p *ordered) (int, error) {
	kept := make([]ClickRow, 0, len(p.clicks))
	for clicks := range byCampaign(p.clicks) {
		ids := make([]click.ID, len(clicks))
		for i := range clicks {
			ids[i] = clicks[i].Click.ID
		}
		stored, err := d.Stored(ctx, clicks[0].Click.Campaign, ids)
		if err != nil {
			return 0, err
		}
		for _, c := range clicks {
			if !stored[c.Click.ID] {
				kept = append(kept, c)
			}
		}
	}
	gone := len(p.clicks) - len(kept)
	p.clicks = kept
	return gone, nil
}
