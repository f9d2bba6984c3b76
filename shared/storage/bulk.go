package storage

import (
	"context"
	"database/sql"
	"fmt"
)

// How a statement of many rows goes to a server fastest.

// fill executes the rows 0..n-1 in order: as many as can be with the prepared statement, the others as text. read, if not
// nil, is called with the rows that each statement returns.
func (m *multi) fill(ctx context.Context, d *DB, tx *sql.Tx, n int, row func(v *values, i int), read func(*sql.Rows) error) error {
	if !d.dia.Literals {
		_, err := m.run(ctx, d, tx, n, func(args []any, i int) []any {
			v := values{args: args}
			row(&v, i)
			return v.args
		})
		return err
	}
	done, err := m.fillPrepared(ctx, d, tx, n, row, read)
	if err == nil && done < n {
		err = m.fillText(ctx, tx, done, n, row, read)
	}
	if err != nil {
		return fmt.Errorf("%.40s: %w", m.head, err)
	}
	return nil
}

// fillPrepared returns how many rows it executed.
func (m *multi) fillPrepared(ctx context.Context, d *DB, tx *sql.Tx, n int, row func(*values, int), read func(*sql.Rows) error) (done int, err error) {
	known := d.parsed.get(m)
	if known == nil || n < preparedRows || d.parsed.refused.Load() {
		return 0, nil
	}
	statement := tx.StmtContext(ctx, known) // the transaction's end closes it
	v := values{args: make([]any, 0, preparedRows*m.cols), strings: true}
	for ; n-done >= preparedRows; done += preparedRows {
		v.args = v.args[:0]
		for i := range preparedRows {
			row(&v, done+i)
		}
		if read == nil {
			_, err = statement.ExecContext(ctx, v.args...)
		} else {
			err = readAll(read, func() (*sql.Rows, error) { return statement.QueryContext(ctx, v.args...) })
		}
		if d.refuse(err) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// fillText executes the rows from..n-1 as text.
func (m *multi) fillText(ctx context.Context, tx *sql.Tx, from, n int, row func(*values, int), read func(*sql.Rows) error) error {
	v, rows := values{written: true, literal: append(make([]byte, 0, min((n-from)*256, maxStatementBytes)+4096), m.head...)}, 0
	for i := from; i < n; i++ {
		v.literal = append(v.literal, '(')
		row(&v, i)
		v.literal[len(v.literal)-1] = ')'
		rows++
		if i < n-1 && rows < maxStatementRows && len(v.literal) < maxStatementBytes {
			v.literal = append(v.literal, ',')
			continue
		}
		var err error
		if query := string(v.literal) + m.tail; read == nil {
			_, err = tx.ExecContext(ctx, query)
		} else {
			err = readAll(read, func() (*sql.Rows, error) { return tx.QueryContext(ctx, query) })
		}
		if err != nil {
			return err
		}
		v.literal, rows = append(v.literal[:0], m.head...), 0
	}
	return nil
}

// readAll lets read have the rows of a query that did not fail.
func readAll(read func(*sql.Rows) error, query func() (*sql.Rows, error)) error {
	rows, err := query()
	if err != nil {
		return err
	}
	defer rows.Close()
	if err := read(rows); err != nil {
		return err
	}
	return rows.Err()
}
