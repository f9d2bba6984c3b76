package storage

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"longtail/shared/link"
)

// What the catalog asks of gorm.

// ormOn returns gorm on a transaction.
func (d *DB) ormOn(ctx context.Context, tx *sql.Tx) *gorm.DB {
	orm := d.orm.Session(&gorm.Session{NewDB: true, Context: ctx})
	orm.Statement.ConnPool = tx
	return orm
}

// lock returns tx with the rows it selects next locked until the transaction ends.
func (d *DB) lock(tx *gorm.DB) *gorm.DB {
	if d.dia.ForUpdate == "" {
		return tx
	}
	return tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
}

// newest asks for a page, the highest values of a column first, below before (0 = from the highest).
func newest(q *gorm.DB, column string, before uint64, limit int) *gorm.DB {
	if before != 0 {
		q = q.Where(column+" < ?", before)
	}
	return q.Order(column + " DESC").Limit(limit)
}

// notFound says gorm's error in our words.
func notFound(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return link.ErrNotFound
	}
	return err
}
