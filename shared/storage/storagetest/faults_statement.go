package storagetest

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// faultyStmt is a prepared statement that faults see each time it is executed.
type faultyStmt struct {
	driver.Stmt
	conn  *faultyConn
	query string
}

func (s *faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (result driver.Result, err error) {
	args = s.conn.faults.reordered(s.query, args)
	err = s.conn.faults.around(s.conn.Conn, s.query, func() (err error) {
		result, err = s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
		return err
	})
	return result, err
}

func (s *faultyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.query(s.query, func() (driver.Rows, error) {
		return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, s.conn.faults.reordered(s.query, args))
	})
}

func (s *faultyStmt) CheckNamedValue(v *driver.NamedValue) error { return s.conn.CheckNamedValue(v) }

// memoryRows are rows that were read already.
type memoryRows struct {
	columns []string
	rows    [][]driver.Value
}

func inMemory(from driver.Rows) (driver.Rows, error) {
	m := &memoryRows{columns: from.Columns()}
	for {
		values := make([]driver.Value, len(m.columns))
		err := from.Next(values)
		if errors.Is(err, io.EOF) {
			return m, from.Close()
		}
		if err != nil {
			return nil, errors.Join(err, from.Close())
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				values[i] = bytes.Clone(b)
			}
		}
		m.rows = append(m.rows, values)
	}
}

func (m *memoryRows) Columns() []string { return m.columns }

func (m *memoryRows) Close() error { return nil }

func (m *memoryRows) Next(into []driver.Value) error {
	if len(m.rows) == 0 {
		return io.EOF
	}
	copy(into, m.rows[0])
	m.rows = m.rows[1:]
	return nil
}
