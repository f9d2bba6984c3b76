package storage

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"longtail/shared/link"
	"longtail/shared/storage/dialect"
)

// The table api_keys: keys by the id in their text, with the hash of the whole text. A key is never deleted.

// A Key is an API key as it is stored: never its text.
type Key struct {
	ID        [8]byte
	Hash      [32]byte // SHA-256 of the whole text
	Account   uint32
	Role      uint8 // 1 read, 2 write, 3 admin, 4 operator
	Name      string
	CreatedMS int64
	ExpiresMS int64 // 0 = never
	RevokedMS int64 // 0 = not revoked
	StoppedMS int64 // 0 = the links it made answer
	RatePerS  int   // 0 = the installation's rate
	Hosts     []string
}

type keyRow struct {
	ID         []byte `gorm:"primaryKey"`
	SecretHash []byte
	AccountID  uint32
	Role       uint8
	Name       string
	CreatedMs  int64
	ExpiresMs  *int64
	RevokedMs  *int64
	StoppedMs  *int64
	RatePerS   *int
	HostsJSON  *string
}

func (keyRow) TableName() string { return "api_keys" }

func (r *keyRow) key() (Key, error) {
	if len(r.ID) != 8 || len(r.SecretHash) != 32 {
		return Key{}, fmt.Errorf("%w: a key's id has %d bytes, its hash %d", ErrBug, len(r.ID), len(r.SecretHash))
	}
	k := Key{
		ID: [8]byte(r.ID), Hash: [32]byte(r.SecretHash), Account: r.AccountID, Role: r.Role, Name: r.Name, CreatedMS: r.CreatedMs,
		ExpiresMS: orZero(r.ExpiresMs), RevokedMS: orZero(r.RevokedMs), StoppedMS: orZero(r.StoppedMs), RatePerS: orZero(r.RatePerS),
	}
	if r.HostsJSON == nil {
		return k, nil
	}
	return k, json.Unmarshal([]byte(*r.HostsJSON), &k.Hosts)
}

// keyJSON is a key in history and audit.
type keyJSON struct {
	Role      uint8           `json:"role"`
	Name      string          `json:"name,omitempty"`
	ExpiresMS int64           `json:"expires_ms,omitempty"`
	RevokedMS int64           `json:"revoked_ms,omitempty"`
	StoppedMS int64           `json:"stopped_ms,omitempty"`
	RatePerS  int             `json:"rate,omitempty"`
	Hosts     json.RawMessage `json:"hosts,omitempty"`
}

func (r *keyRow) json() keyJSON {
	return keyJSON{r.Role, r.Name, orZero(r.ExpiresMs), orZero(r.RevokedMs), orZero(r.StoppedMs), orZero(r.RatePerS), json.RawMessage(orZero(r.HostsJSON))}
}

// CreateKey stores a new key. link.ErrTaken: the id is there; link.ErrNotFound: its account is not.
func (d *DB) CreateKey(ctx context.Context, k Key) error {
	row := keyRow{
		ID: k.ID[:], SecretHash: k.Hash[:], AccountID: k.Account, Role: k.Role, Name: k.Name, CreatedMs: k.CreatedMS, ExpiresMs: msOrNil(k.ExpiresMS),
		RevokedMs: msOrNil(k.RevokedMS), StoppedMs: msOrNil(k.StoppedMS), RatePerS: rateOrNil(k.RatePerS), HostsJSON: jsonOrNil(k.Hosts),
	}
	err := d.writeOrm(ctx, func(tx *gorm.DB) error {
		if err := tx.Select("id").Take(&accountRow{}, k.Account).Error; err != nil {
			return fmt.Errorf("account %d: %w", k.Account, notFound(err))
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return d.noteAudit(ctx, tx, alteration{account: k.Account, action: "key.create", name: string(k.ID[:]), after: row.json()}, changeRow{AtMs: time.Now().UnixMilli()})
	})
	if d.dia.Kind(err) == dialect.Duplicate {
		err = link.ErrTaken
	}
	if err != nil {
		return fmt.Errorf("create key: %w", err)
	}
	return nil
}

// FindKey returns a key, revoked and expired ones included, or link.ErrNotFound.
func (d *DB) FindKey(ctx context.Context, id [8]byte) (Key, error) {
	var row keyRow
	if err := d.read(ctx).Where("id = ?", id[:]).Take(&row).Error; err != nil {
		return Key{}, fmt.Errorf("find key: %w", notFound(err))
	}
	return row.key()
}

// ListKeys returns the keys of an account in the order of their making, revoked ones included.
func (d *DB) ListKeys(ctx context.Context, account uint32) ([]Key, error) {
	var rows []keyRow
	if err := d.read(ctx).Where("account_id = ?", account).Order("created_ms, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	keys := make([]Key, len(rows))
	for i := range rows {
		var err error
		if keys[i], err = rows[i].key(); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// A KeyPatch is what is to change of a key: the fields that are not nil.
type KeyPatch struct {
	Name      *string
	ExpiresMS *int64 // 0 = never
	Revoked   bool   // for ever; its links live on
	Stopped   *bool  // the links it made answer as disabled ones
	RatePerS  *int   // 0 = the installation's rate
	Hosts     *[]string
}

func (p *KeyPatch) apply(r *keyRow, now int64) {
	set(&r.Name, p.Name)
	if p.ExpiresMS != nil {
		r.ExpiresMs = msOrNil(*p.ExpiresMS)
	}
	if p.Revoked && r.RevokedMs == nil {
		r.RevokedMs = &now
	}
	setStopped(&r.StoppedMs, p.Stopped, now)
	if p.RatePerS != nil {
		r.RatePerS = rateOrNil(*p.RatePerS)
	}
	if p.Hosts != nil {
		r.HostsJSON = jsonOrNil(*p.Hosts)
	}
}

func rateOrNil(perSecond int) *int {
	if perSecond == 0 {
		return nil
	}
	return &perSecond
}

// UpdateKey changes a key of an account. To revoke or to stop it twice is to do it once.
func (d *DB) UpdateKey(ctx context.Context, account uint32, id [8]byte, patch KeyPatch) (k Key, err error) {
	err = d.writeOrm(ctx, func(tx *gorm.DB) error {
		var row keyRow
		if err := d.lock(tx).Where("id = ? AND account_id = ?", id[:], account).Take(&row).Error; err != nil {
			return notFound(err)
		}
		before := row.json()
		patch.apply(&row, time.Now().UnixMilli())
		after := row.json()
		if k, err = row.key(); err != nil || *jsonOf(after) == *jsonOf(before) {
			return err
		}
		err := tx.Model(&keyRow{}).Where("id = ?", id[:]).Updates(map[string]any{
			"name": row.Name, "expires_ms": row.ExpiresMs, "revoked_ms": row.RevokedMs, "stopped_ms": row.StoppedMs, "rate_per_s": row.RatePerS, "hosts_json": row.HostsJSON,
		}).Error
		if err != nil {
			return err
		}
		action := switchAction("key", before.StoppedMS, after.StoppedMS)
		if before.RevokedMS != after.RevokedMS {
			action = "key.revoke"
		}
		return d.note(ctx, tx, alteration{
			kind: ChangedKey, object: keyNumber(id), account: account, action: action, name: string(id[:]), before: before, after: after,
		})
	})
	if err != nil {
		return Key{}, fmt.Errorf("update key: %w", err)
	}
	return k, nil
}

// keyNumber is a key's id as the number of an object in changes: 63 bits are what every database holds.
func keyNumber(id [8]byte) uint64 { return binary.BigEndian.Uint64(id[:]) &^ (1 << 63) }

// StoppedKeys returns the keys whose links answer as disabled ones.
func (d *DB) StoppedKeys(ctx context.Context) ([][8]byte, error) {
	var ids [][]byte
	if err := d.read(ctx).Model(&keyRow{}).Where("stopped_ms IS NOT NULL").Order("id").Pluck("id", &ids).Error; err != nil {
		return nil, fmt.Errorf("read stopped keys: %w", err)
	}
	keys := make([][8]byte, len(ids))
	for i, id := range ids {
		copy(keys[i][:], id)
	}
	return keys, nil
}
