package storage

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// The table accounts: whose links, keys, domains and figures something is. Account 1 is made by Migrate.

// An Account owns links, keys, domains and figures.
type Account struct {
	ID        uint32
	Name      string
	StoppedMS int64 // 0 = its links answer
	CreatedMS int64
}

type accountRow struct {
	ID        uint32 `gorm:"primaryKey"`
	Name      string
	StoppedMs *int64
	CreatedMs int64
}

func (accountRow) TableName() string { return "accounts" }

func (r *accountRow) account() Account {
	return Account{ID: r.ID, Name: r.Name, StoppedMS: orZero(r.StoppedMs), CreatedMS: r.CreatedMs}
}

// accountJSON is an account in history and audit.
type accountJSON struct {
	Name      string `json:"name"`
	StoppedMS int64  `json:"stopped_ms,omitempty"`
}

// CreateAccount makes an account. name has at most 128 characters of valid UTF-8.
func (d *DB) CreateAccount(ctx context.Context, name string) (Account, error) {
	row := accountRow{Name: name, CreatedMs: time.Now().UnixMilli()}
	err := d.writeOrm(ctx, func(tx *gorm.DB) error {
		row.ID = 0
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return d.noteAudit(ctx, tx, alteration{account: row.ID, action: "account.create", name: fmt.Sprint(row.ID), after: accountJSON{Name: name}}, changeRow{AtMs: row.CreatedMs})
	})
	if err != nil {
		return Account{}, fmt.Errorf("create account: %w", err)
	}
	return row.account(), nil
}

// ListAccounts returns all accounts in the order of their making.
func (d *DB) ListAccounts(ctx context.Context) ([]Account, error) {
	var rows []accountRow
	if err := d.read(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	accounts := make([]Account, len(rows))
	for i := range rows {
		accounts[i] = rows[i].account()
	}
	return accounts, nil
}

// StopAccount lets all links of an account answer as disabled ones, or ends that. To say it twice is to say it once.
func (d *DB) StopAccount(ctx context.Context, id uint32, stop bool) error {
	return d.writeOrm(ctx, func(tx *gorm.DB) error {
		var row accountRow
		if err := d.lock(tx).Where("id = ?", id).Take(&row).Error; err != nil {
			return fmt.Errorf("lock account: %w", notFound(err))
		}
		if stop == (row.StoppedMs != nil) {
			return nil
		}
		before := accountJSON{row.Name, orZero(row.StoppedMs)}
		action, stopped := "account.resume", int64(0)
		if stop {
			action, stopped = "account.stop", time.Now().UnixMilli()
		}
		if err := tx.Model(&row).Update("stopped_ms", msOrNil(stopped)).Error; err != nil {
			return fmt.Errorf("stop account: %w", err)
		}
		return d.note(ctx, tx, alteration{
			kind: ChangedAccount, object: uint64(id), account: id, action: action, name: fmt.Sprint(id),
			before: before, after: accountJSON{row.Name, stopped},
		})
	})
}

// StoppedAccounts returns the accounts whose links answer as disabled ones.
func (d *DB) StoppedAccounts(ctx context.Context) (ids []uint32, err error) {
	err = d.read(ctx).Model(&accountRow{}).Where("stopped_ms IS NOT NULL").Order("id").Pluck("id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("read stopped accounts: %w", err)
	}
	return ids, nil
}
