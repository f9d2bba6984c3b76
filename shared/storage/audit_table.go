package storage

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// The table audit: who changed what, with the object before and after.

// An AuditEntry is one change that a person or a program made.
type AuditEntry struct {
	ID            uint64
	AtMS          int64
	Actor         string
	Action        string // such as link.update
	Object        string
	Before, After string // JSON, "" = none
}

type auditRow struct {
	ID         uint64 `gorm:"primaryKey"`
	AccountID  uint32
	AtMs       int64
	Actor      []byte
	Action     string
	Object     []byte
	BeforeJSON *string
	AfterJSON  *string
}

func (auditRow) TableName() string { return "audit" }

func (d *DB) noteAudit(ctx context.Context, tx *gorm.DB, a alteration, change changeRow) error {
	who := actor(ctx)
	if who == "" {
		return nil
	}
	row := auditRow{
		AccountID: a.account, AtMs: change.AtMs, Actor: []byte(who), Action: a.action,
		Object: []byte(a.name[:min(len(a.name), 128)]), BeforeJSON: change.BeforeJSON,
	}
	if a.after != nil {
		row.AfterJSON = jsonOf(a.after)
	}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("write audit: %w", err)
	}
	return nil
}

// AuditLog returns up to limit entries of an account, newest first, with ids below before (0 = from the newest).
func (d *DB) AuditLog(ctx context.Context, account uint32, before uint64, limit int) ([]AuditEntry, error) {
	var rows []auditRow
	if err := newest(d.read(ctx), "id", before, limit).Where("account_id = ?", account).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	entries := make([]AuditEntry, len(rows))
	for i, r := range rows {
		entries[i] = AuditEntry{r.ID, r.AtMs, string(r.Actor), r.Action, string(r.Object), orZero(r.BeforeJSON), orZero(r.AfterJSON)}
	}
	return entries, nil
}

// AuditAction writes an entry of what changed nothing in the catalog, such as an operator's tuning, in the name of the
// context's actor.
func (d *DB) AuditAction(ctx context.Context, account uint32, action, object string) error {
	return d.writeOrm(ctx, func(tx *gorm.DB) error {
		return d.noteAudit(ctx, tx, alteration{account: account, action: action, name: object}, changeRow{AtMs: time.Now().UnixMilli()})
	})
}
