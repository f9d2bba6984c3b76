package dialect

import (
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// NewSQLite returns the dialect of SQLite, where one writer at a time makes row locks needless.
func NewSQLite() *Dialect {
	return &Dialect{
		Name:      SQLite,
		NowMS:     "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER)",
		Fold:      "LOWER(CAST(%s AS TEXT))",
		Pin:       "%s = %d",
		MaxParams: 30_000,
		newRow:    "excluded.$1",
		upsert:    func(key string) string { return "ON CONFLICT (" + key + ") DO UPDATE SET" },
		ignore:    func(_, key string) string { return " ON CONFLICT (" + key + ") DO NOTHING" },
		assign:    func(_, column string) string { return column },
		least:     "min",
		greatest:  "max",
		kind:      sqliteKind,
	}
}

func sqliteKind(err error) Kind {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		if lostConnection(err) {
			return Again
		}
		return Other
	}
	switch code := e.Code(); {
	case code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, code == sqlite3.SQLITE_CONSTRAINT_UNIQUE,
		code == sqlite3.SQLITE_CONSTRAINT_ROWID:
		return Duplicate
	case code == sqlite3.SQLITE_CONSTRAINT_CHECK, code == sqlite3.SQLITE_CONSTRAINT_NOTNULL,
		code == sqlite3.SQLITE_CONSTRAINT_DATATYPE, code&0xff == sqlite3.SQLITE_MISMATCH,
		code&0xff == sqlite3.SQLITE_TOOBIG:
		return Data
	case code&0xff == sqlite3.SQLITE_BUSY, code&0xff == sqlite3.SQLITE_LOCKED, code&0xff == sqlite3.SQLITE_INTERRUPT:
		return Again
	case code&0xff == sqlite3.SQLITE_ERROR, code&0xff == sqlite3.SQLITE_SCHEMA: // no such table or column
		return Schema
	}
	return Other
}
