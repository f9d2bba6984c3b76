// Package storage is the last keeper on the click's way: the tables, and all SQL of the product. A click is done when
// its ingest transaction has committed; whatever is redelivered after that changes nothing.
//
// # How the package is laid out
//
// One file per table, row structs unexported. What differs between the databases is in package dialect, one file for
// each; schema steps are in package migrations, one statement to a file and both dialects under the same number. One
// conformance suite, package storagetest, runs on SQLite and on MariaDB.
//
// Clicks, recipients, rollups, feeds and dead letters are raw SQL with many rows to a statement; the catalog uses gorm.
//
//   - d.dia is the dialect. An upsert is written once: d.dia.Upsert("t", "key columns", "n = old.n + new.n").
//   - d.sql is the pool. d.write runs a function in a transaction and begins it again from the start after a deadlock, a
//     lock wait or a lost connection; an unknown outcome of COMMIT is returned as an error. d.writeAgain also repeats
//     after an unknown outcome, for work that is harmless to do twice.
//   - d.writeOrm is d.write with a *gorm.DB; d.read(ctx) is gorm outside a transaction.
//   - d.multi builds statements of many rows, bounded in bytes and placeholders.
//
// Text from outside and every id is bound as []byte: as a string it would be checked against the connection's character
// set on MySQL and be another key on SQLite. JSON is bound as string.
package storage
