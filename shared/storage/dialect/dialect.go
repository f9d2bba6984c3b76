// Package dialect holds what differs between the three databases, one file for each: how an upsert names the new row
// and the old one, how a page of errors is read, how a lock is asked for. Everything else in package storage is
// written once, in the SQL that all of them share.
//
// Place on the click's way: under storage, the last step.
package dialect

import (
	"fmt"
	"regexp"
	"strings"
)

// Name names a dialect.
type Name string

// The dialects.
const (
	MySQL   Name = "mysql"
	MariaDB Name = "mariadb"
	SQLite  Name = "sqlite"
)

// A Kind is what an error of the database means for the transaction it ended.
type Kind int

// The kinds of errors.
const (
	Other      Kind = iota // unknown: roll back, tell the caller, who retries later
	Duplicate              // the key is there already
	Again                  // deadlock, lock wait, changed snapshot, lost connection: the whole transaction from the start
	Data                   // a value does not fit its column
	Schema                 // the schema does not fit: no partition for a value, no such table or column
	Unprepared             // the server keeps no statement prepared: nothing happened, its text can be sent instead
)

// A Dialect is one database's way to say the same.
type Dialect struct {
	Name Name
	// NowMS is an expression: the database's present in Unix milliseconds.
	NowMS string
	// ForUpdate and ForShare end a SELECT whose rows stay locked until the transaction ends.
	ForUpdate, ForShare string
	// Fold is the format of an expression: bytes of UTF-8 as text without capitals. SQLite knows those of ASCII only.
	Fold string
	// Pin is the format of a condition, of a column and a number that it equals, with which a range of the index's next
	// column is read as a range. MariaDB takes an equality for a reason to read all of it and to skip what lies outside.
	Pin string
	// MaxParams bounds the placeholders of one statement.
	MaxParams int
	// Literals tells that binary values may stand in a statement as 'text' or X'hexadecimal', and are the same as bytes
	// that were bound.
	Literals bool
	// Prepared tells that a statement of many rows costs less when the server has parsed it before.
	Prepared bool
	// Returning tells that an INSERT, also one that changes rows instead, can end with RETURNING and what the rows are then.
	Returning bool
	// Partitions tells whether the tables clicks and link_minutes are cut by day.
	Partitions bool

	rowAlias string // stands behind VALUES (...)
	newRow   string // format of a column of the row that could not be inserted
	upsert   func(key string) string
	ignore   func(table, key string) string
	assign   func(table, column string) string
	least    string
	greatest string
	kind     func(error) Kind
}

var (
	oldColumn  = regexp.MustCompile(`\bold\.(\w+)`)
	newColumn  = regexp.MustCompile(`\bnew\.(\w+)`)
	assignment = regexp.MustCompile(`^\s*(\w+)\s*=\s*(.+)$`)
)

// Upsert returns what stands behind `INSERT INTO table (...) VALUES (...)` so that a row whose key exists is changed
// instead. key lists the primary key's columns. Each set is an assignment, written once for every dialect:
//
//	"clicks = old.clicks + new.clicks", "first_ms = LEAST(old.first_ms, new.first_ms)"
//
// old is the row in the table, new the one that came; only LEAST and GREATEST are translated. MySQL works from left
// to right and sees what it has assigned already: a set that keeps an old value must stand before the one that
// overwrites it.
func (d *Dialect) Upsert(table, key string, sets ...string) string {
	parts := make([]string, len(sets))
	for i, set := range sets {
		m := assignment.FindStringSubmatch(set)
		if m == nil {
			panic(fmt.Sprintf("dialect: %q is no assignment", set))
		}
		parts[i] = d.assign(table, m[1]) + "=" + d.Expr(table, m[2])
	}
	return d.rowAlias + " " + d.upsert(key) + " " + strings.Join(parts, ", ")
}

// Ignore returns what stands behind VALUES (...) so that a row whose key exists is left as it is and not counted as
// affected. Unlike INSERT IGNORE it hides no other error.
func (d *Dialect) Ignore(table, key string) string { return d.ignore(table, key) }

// Expr translates an expression with old.column, new.column, LEAST and GREATEST.
func (d *Dialect) Expr(table, expr string) string {
	expr = oldColumn.ReplaceAllString(expr, table+".$1")
	expr = newColumn.ReplaceAllString(expr, d.newRow)
	expr = strings.ReplaceAll(expr, "LEAST(", d.least+"(")
	return strings.ReplaceAll(expr, "GREATEST(", d.greatest+"(")
}

// Kind tells what an error means.
func (d *Dialect) Kind(err error) Kind {
	if err == nil {
		return Other
	}
	return d.kind(err)
}
