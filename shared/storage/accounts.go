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
	LockHosts bool  // the host of a link's target never changes
	CreatedMS int64
}

type accountRow struct {
	ID        uint32 `gorm:"primaryKey"`
	Name      string
	StoppedMs *int64
	LockHosts bool
	CreatedMs int64
}

func (accountRow) TableName() string { return "accounts" }

func (r *accountRow) account() Account {
	return Account{ID: r.ID, Name: r.Name, StoppedMS: orZero(r.StoppedMs), LockHosts: r.LockHosts, CreatedMS: r.CreatedMs}
}

// accountJSON is an account in history and audit.
type accountJSON struct {
	Name      string `json:"name"`
	StoppedMS int64  `json:"stopped_ms,omitempty"`
	LockHosts bool   `json:"lock_hosts,omitempty"`
}

func (r *accountRow) json() accountJSON { return accountJSON{r.Name, orZero(r.StoppedMs), r.LockHosts} }

// CreateAccount makes an account. name has at most 128 characters of valid UTF-8.
func (d *DB) CreateAccount(ctx context.Context, name string) (Account, error) {
	row := accountRow{Name: name, CreatedMs: time.Now().UnixMilli()}
	err := d.writeOrm(ctx, func(tx *gorm.DB) error {
		row.ID = 0
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return d.noteAudit(ctx, tx, alteration{account: row.ID, action: "account.create", name: fmt.Sprint(row.ID), after: row.json()}, changeRow{AtMs: row.CreatedMs})
	})
	if err != nil {
		return Account{}, fmt.Errorf("create account: %w", err)
	}
	return row.account(), nil
}

// GetAccount returns an account, or link.ErrNotFound.
func (d *DB) GetAccount(ctx context.Context, id uint32) (Account, error) {
	var row accountRow
	if err := d.read(ctx).Where("id = ?", id).Take(&row).Error; err != nil {
		return Account{}, fmt.Errorf("find account: %w", notFound(err))
	}
	return row.account(), nil
}

// ListAccounts returns up to limit accounts, newest first, with ids below before (0 = from the newest).
func (d *DB) ListAccounts(ctx context.Context, before uint64, limit int) ([]Account, error) {
	var rows []accountRow
	if err := newest(d.read(ctx), "id", before, limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	accounts := make([]Account, len(rows))
	for i := range rows {
		accounts[i] = rows[i].account()
	}
	return accounts, nil
}

// An AccountPatch is what is to change of an account: the fields that are not nil.
type AccountPatch struct {
	Name      *string
	Stopped   *bool // its links answer as disabled ones
	LockHosts *bool
}

func (p *AccountPatch) apply(r *accountRow, now int64) {
	set(&r.Name, p.Name)
	set(&r.LockHosts, p.LockHosts)
	setStopped(&r.StoppedMs, p.Stopped, now)
}

// setStopped keeps the time of the first stop: to say it twice is to say it once.
func setStopped(stopped **int64, stop *bool, now int64) {
	switch {
	case stop == nil:
	case !*stop:
		*stopped = nil
	case *stopped == nil:
		*stopped = &now
	}
}

// UpdateAccount changes an account. A patch that changes nothing writes nothing.
func (d *DB) UpdateAccount(ctx context.Context, id uint32, patch AccountPatch) (Account, error) {
	var row accountRow
	err := d.writeOrm(ctx, func(tx *gorm.DB) error {
		row = accountRow{}
		if err := d.lock(tx).Where("id = ?", id).Take(&row).Error; err != nil {
			return notFound(err)
		}
		before := row.json()
		patch.apply(&row, time.Now().UnixMilli())
		if row.json() == before {
			return nil
		}
		err := tx.Model(&accountRow{}).Where("id = ?", id).Updates(map[string]any{"name": row.Name, "stopped_ms": row.StoppedMs, "lock_hosts": row.LockHosts}).Error
		if err != nil {
			return err
		}
		return d.note(ctx, tx, alteration{
			kind: ChangedAccount, object: uint64(id), account: id, action: switchAction("account", before.StoppedMS, orZero(row.StoppedMs)), name: fmt.Sprint(id),
			before: before, after: row.json(),
		})
	})
	if err != nil {
		return Account{}, fmt.Errorf("update account: %w", err)
	}
	return row.account(), nil
}

// switchAction names what was done to a key or an account: its links stopped, let go again, or something else changed.
func switchAction(object string, before, after int64) string {
	switch {
	case before == 0 && after != 0:
		return object + ".stop"
	case before != 0 && after == 0:
		return object + ".resume"
	}
	return object + ".update"
}

// StoppedAccounts returns the accounts whose links answer as disabled ones.
func (d *DB) StoppedAccounts(ctx context.Context) (ids []uint32, err error) {
	err = d.read(ctx).Model(&accountRow{}).Where("stopped_ms IS NOT NULL").Order("id").Pluck("id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("read stopped accounts: %w", err)
	}
	return ids, nil
}
