package storage

import (
	"context"
	"database/sql"
	"fmt"
)

// Rebuild mends what Audit finds wrong with a UTC day (yyyymmdd), while inserts go on: the recipients first, then the
// cells, then the totals. Rows and counters change in the same transactions, so the difference between them in one
// snapshot is the same in every later one, and is what has to be added. It returns the number of counters mended.
func (d *DB) Rebuild(ctx context.Context, day int32) (mended int, err error) {
	if floor, err := d.RetentionFloor(ctx); err != nil {
		return 0, err
	} else if day < floor {
		return 0, fmt.Errorf("rebuild %d: its clicks were dropped; the retention floor is %d", day, floor)
	}
	steps := []struct {
		look func(*audit) error
		mend func(ctx context.Context, tx *sql.Tx, found []Difference) error
	}{
		{func(a *audit) error { return a.recipients(ctx) }, d.mendRecipients},
		{func(a *audit) error { return a.cells(ctx) }, d.mendCells},
		{func(a *audit) error { return a.totals(ctx) }, d.mendTotals},
	}
	for _, step := range steps {
		n := 0
		err := d.write(ctx, func(tx *sql.Tx) error {
			found, err := d.lookAlone(ctx, tx, day, step.look)
			if err != nil {
				return err
			}
			n = len(found)
			return step.mend(ctx, tx, found)
		})
		if err != nil {
			return mended, fmt.Errorf("rebuild %d: %w", day, err)
		}
		mended += n
	}
	return mended, nil
}

// lookAlone audits a snapshot that is newer than every mending: another rebuild would add the same difference twice.
func (d *DB) lookAlone(ctx context.Context, tx *sql.Tx, day int32, look func(*audit) error) (found []Difference, err error) {
	var locked int
	if err := tx.QueryRowContext(ctx, "SELECT floor_day FROM retention WHERE id = ?"+d.dia.ForUpdate, rebuildLock).Scan(&locked); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	err = d.audit(ctx, day, day, func(a *audit) error {
		err := look(a)
		found = a.found
		return err
	})
	return found, err
}

// mendCells adds the differences. Counters are unsigned: what is too high is lowered in a row that is there.
func (d *DB) mendCells(ctx context.Context, tx *sql.Tx, found []Difference) error {
	more := map[string]map[cellKey]cell{"link_minutes": {}, "link_quarters": {}}
	for _, f := range found {
		by, key := f.Want-f.Have, cellKey{f.Campaign, f.Link, f.At, f.Class}
		if by < 0 {
			at := map[string]string{"link_minutes": "minute", "link_quarters": "quarter"}[f.Table]
			_, err := tx.ExecContext(ctx, "UPDATE "+f.Table+" SET "+f.Column+" = "+f.Column+" - ? WHERE campaign_id = ? AND link_id = ? AND "+
				at+" = ? AND class = ?", -by, f.Campaign, f.Link, f.At, uint8(f.Class))
			if err != nil {
				return fmt.Errorf("lower %s: %w", f, err)
			}
			continue
		}
		c := more[f.Table][key]
		if f.Column == "clicks" {
			c.clicks += by
		} else {
			c.firsts += by
		}
		more[f.Table][key] = c
	}
	if err := d.addMinutes(ctx, tx, more["link_minutes"]); err != nil {
		return err
	}
	return d.addQuarters(ctx, tx, more["link_quarters"])
}

func (d *DB) mendTotals(ctx context.Context, tx *sql.Tx, found []Difference) error {
	more := map[totalKey]total{}
	for _, f := range found {
		key := totalKey{f.Campaign, f.Link, f.Class}
		t := more[key]
		switch f.Column {
		case "clicks":
			t.clicks += f.Want - f.Have
		case "uniques":
			t.uniques += f.Want - f.Have
		case "last_ms":
			t.last = f.Want
		}
		more[key] = t
	}
	return d.addTotals(ctx, tx, more)
}
