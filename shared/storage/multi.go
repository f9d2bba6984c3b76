package storage

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Bounds of one statement. Servers take 16 MiB at least; a quarter of a mebibyte already hides the round trip.
const (
	maxStatementBytes = 1 << 20
	maxStatementRows  = 4000
)

// multi is a statement of many rows: head + (?,?),(?,?)... + tail, cut into as many statements as the bounds ask for.
type multi struct {
	head string // "INSERT INTO t (a, b) VALUES "
	tail string
	cols int
}

// run executes the rows 0..n-1 in order. row appends the values of one row to args.
func (m *multi) run(ctx context.Context, d *DB, tx *sql.Tx, n int, row func(args []any, i int) []any) (affected int64, err error) {
	args := make([]any, 0, min(n, maxStatementRows)*m.cols)
	size := 0
	for i := range n {
		args = row(args, i)
		for _, v := range args[len(args)-m.cols:] {
			size += valueSize(v)
		}
		rows := len(args) / m.cols
		full := rows == maxStatementRows || (rows+1)*m.cols > d.dia.MaxParams || size > maxStatementBytes
		if !full && i < n-1 {
			continue
		}
		result, err := tx.ExecContext(ctx, m.head+rowMarks(rows, m.cols)+m.tail, args...)
		if err != nil {
			return affected, fmt.Errorf("%.40s: %w", m.head, err)
		}
		count, err := result.RowsAffected()
		if err != nil {
			return affected, err
		}
		affected, args, size = affected+count, args[:0], 0
	}
	return affected, nil
}

func valueSize(v any) int {
	switch v := v.(type) {
	case []byte:
		return len(v) + 8
	case string:
		return len(v) + 8
	}
	return 12
}

// rowMarks returns "(?,?),(?,?)".
func rowMarks(rows, cols int) string {
	one := "(" + marks(cols) + ")"
	return strings.TrimSuffix(strings.Repeat(one+",", rows), ",")
}

// marks returns "?,?".
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }
