package storagetest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// faults stands between the pool and the driver. Its hooks see every statement, and "COMMIT".
type faults struct {
	mu     sync.Mutex
	before func(statement string) error // an error is returned instead of running the statement
	after  func(conn driver.Conn, statement string) error

	failed  func(error)                                                          // sees each error of the database; set before its use
	reorder func(statement string, args []driver.NamedValue) []driver.NamedValue // likewise
}

func (f *faults) set(before func(string) error, after func(driver.Conn, string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

func (f *faults) around(conn driver.Conn, statement string, run func() error) error {
	f.mu.Lock()
	before, after := f.before, f.after
	f.mu.Unlock()
	if before != nil {
		if err := before(statement); err != nil {
			return err
		}
	}
	err := run()
	if err != nil && f.failed != nil {
		f.failed(err)
	}
	if err != nil || after == nil {
		return err
	}
	return after(conn, statement)
}

func (f *faults) reordered(statement string, args []driver.NamedValue) []driver.NamedValue {
	if f.reorder == nil {
		return args
	}
	return f.reorder(statement, args)
}

func (f *faults) wrap(c driver.Connector) driver.Connector { return &faultyConnector{c, f} }

type faultyConnector struct {
	driver.Connector
	faults *faults
}

func (c *faultyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &faultyConn{conn, c.faults}, nil
}

// faultyConn passes on everything that the drivers implement.
type faultyConn struct {
	driver.Conn
	faults *faults
}

func (c *faultyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	return &faultyTx{tx, c}, nil
}

func (c *faultyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	statement, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &faultyStmt{statement, c, query}, nil
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	args = c.faults.reordered(query, args)
	err = c.faults.around(c.Conn, query, func() (err error) {
		result, err = c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(query, func() (driver.Rows, error) {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, c.faults.reordered(query, args))
	})
}

// query also lets after have the connection, where a statement changes rows and returns them: they are read before.
func (c *faultyConn) query(statement string, run func() (driver.Rows, error)) (rows driver.Rows, err error) {
	conn, writes := driver.Conn(nil), strings.HasPrefix(statement, "INSERT ")
	if writes {
		conn = c.Conn
	}
	err = c.faults.around(conn, statement, func() (err error) {
		if rows, err = run(); err == nil && writes {
			rows, err = inMemory(rows)
		}
		return err
	})
	return rows, err
}

func (c *faultyConn) Ping(ctx context.Context) error { return c.Conn.(driver.Pinger).Ping(ctx) }

func (c *faultyConn) ResetSession(ctx context.Context) error {
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

func (c *faultyConn) IsValid() bool { return c.Conn.(driver.Validator).IsValid() }

func (c *faultyConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type faultyTx struct {
	driver.Tx
	conn *faultyConn
}

// Commit rolls back where a fault takes its place: the connection's transaction must not stay open.
func (t *faultyTx) Commit() error {
	ran := false
	err := t.conn.faults.around(nil, "COMMIT", func() error {
		ran = true
		return t.Tx.Commit()
	})
	if !ran {
		err = errors.Join(err, t.Rollback())
	}
	return err
}

// lockWaitTimeout returns what the database says when a lock was not to be had.
func lockWaitTimeout(dsn string) error {
	if strings.HasPrefix(dsn, "sqlite:") {
		return mysql.ErrInvalidConn // SQLite's own error cannot be made; a lost connection means the same here
	}
	return &mysql.MySQLError{Number: 1205, Message: "Lock wait timeout exceeded; injected"}
}

// raw opens the database itself, past package storage.
func raw(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	name, source := "mysql", dsn
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		name, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(name, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// number reads one number.
func number(t *testing.T, db *sql.DB, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// warnings asks the connection for what the last statement warned of.
func warnings(conn driver.Conn) error {
	rows, err := conn.(driver.QueryerContext).QueryContext(context.Background(), "SHOW WARNINGS", nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	values := make([]driver.Value, len(rows.Columns()))
	if rows.Next(values) != nil {
		return nil
	}
	return errors.New("warning " + fmt.Sprintf("%s %s", values[1], values[2]))
}
