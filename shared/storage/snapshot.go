package storage

import "database/sql"

// snapshot begins a transaction that reads one state of the database from its first statement to its last.
func (d *DB) snapshot() *sql.TxOptions {
	if d.writer != nil {
		return &sql.TxOptions{ReadOnly: true} // SQLite: a deferred transaction in WAL mode is one
	}
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}
