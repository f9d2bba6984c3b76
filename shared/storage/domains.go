package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"longtail/shared/link"
	"longtail/shared/storage/dialect"
)

// The table domains: the hosts under which links are found. It is small; redirectors hold it whole.

// Whose default a domain is, in the numbers of the table.
const (
	defaultOfNobody       = 0
	defaultOfAccount      = 1
	defaultOfInstallation = 2
)

// A Domain is a host under which links are clicked.
type Domain struct {
	ID           uint32
	Account      uint32
	Host         string // lower case, without port
	FallbackURL  string // where the clicker of a dead link is sent; "" = 410
	Default      bool   // of its account, for links that name no domain
	Installation bool   // the host of the public URL: stands for every unknown host. Account 1's
	ForeignCodes bool   // has codes of another maker: the check of generated codes is not applied
	VerifyToken  string
	VerifiedMS   int64 // 0 = not yet
	CreatedMS    int64
}

// Verified reports whether the account has proven that the host is its own. Until then nothing stands on it.
func (d *Domain) Verified() bool { return d.VerifiedMS != 0 || d.Installation }

type domainRow struct {
	ID           uint32 `gorm:"primaryKey"`
	AccountID    uint32
	Host         []byte
	FallbackURL  []byte
	IsDefault    uint8
	ForeignCodes bool
	VerifyToken  []byte
	VerifiedMs   *int64
	CreatedMs    int64
}

func (domainRow) TableName() string { return "domains" }

func (r *domainRow) domain() Domain {
	return Domain{
		ID: r.ID, Account: r.AccountID, Host: string(r.Host), FallbackURL: string(r.FallbackURL), Default: r.IsDefault == defaultOfAccount,
		Installation: r.IsDefault == defaultOfInstallation, ForeignCodes: r.ForeignCodes, VerifyToken: string(r.VerifyToken),
		VerifiedMS: orZero(r.VerifiedMs), CreatedMS: r.CreatedMs,
	}
}

// domainJSON is a domain in history and audit.
type domainJSON struct {
	Host         string `json:"host"`
	FallbackURL  string `json:"fallback_url,omitempty"`
	Default      uint8  `json:"default,omitempty"`
	ForeignCodes bool   `json:"foreign_codes,omitempty"`
	VerifiedMS   int64  `json:"verified_ms,omitempty"`
	Deleted      bool   `json:"deleted,omitempty"`
}

func (r *domainRow) json() domainJSON {
	return domainJSON{Host: string(r.Host), FallbackURL: string(r.FallbackURL), Default: r.IsDefault, ForeignCodes: r.ForeignCodes, VerifiedMS: orZero(r.VerifiedMs)}
}

// Domains returns all domains of all accounts.
func (d *DB) Domains(ctx context.Context) ([]Domain, error) {
	var rows []domainRow
	if err := d.read(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read domains: %w", err)
	}
	domains := make([]Domain, len(rows))
	for i := range rows {
		domains[i] = rows[i].domain()
	}
	return domains, nil
}

// CreateDomain adds a host to an account. A claim that another account has not proven yet gives way to it: the first who
// proves the host has it. link.ErrTaken: the host is proven, or is this account's already.
func (d *DB) CreateDomain(ctx context.Context, want Domain) (Domain, error) {
	row := domainRow{
		AccountID: want.Account, Host: []byte(want.Host), FallbackURL: bytesOrNil(want.FallbackURL), VerifyToken: bytesOrNil(want.VerifyToken),
		VerifiedMs: msOrNil(want.VerifiedMS),
	}
	if want.Default {
		row.IsDefault = defaultOfAccount
	}
	err := d.writeOrm(ctx, func(tx *gorm.DB) error {
		if err := tx.Select("id").Take(&accountRow{}, want.Account).Error; err != nil {
			return fmt.Errorf("account %d: %w", want.Account, notFound(err))
		}
		if err := d.dropClaim(ctx, tx, want.Account, want.Host); err != nil {
			return err
		}
		if err := d.insertDomain(ctx, tx, &row); err != nil || !want.Default {
			return err
		}
		return d.noOtherDefault(ctx, tx, want.Account, row.ID)
	})
	if d.dia.Kind(err) == dialect.Duplicate {
		err = link.ErrTaken
	}
	if err != nil {
		return Domain{}, fmt.Errorf("create domain: %w", err)
	}
	return row.domain(), nil
}

// dropClaim removes another account's claim of a host that it has not proven.
func (d *DB) dropClaim(ctx context.Context, tx *gorm.DB, account uint32, host string) error {
	var rows []domainRow
	if err := d.lock(tx).Where("host = ?", []byte(host)).Find(&rows).Error; err != nil || len(rows) == 0 {
		return err
	}
	if row := rows[0].domain(); row.Account == account || row.Verified() {
		return link.ErrTaken
	}
	err := d.removeDomain(ctx, tx, &rows[0])
	if errors.Is(err, ErrDomainInUse) {
		return link.ErrTaken
	}
	return err
}

// insertDomain writes a row of changes as well: the set of domains is read again when one is seen.
func (d *DB) insertDomain(ctx context.Context, tx *gorm.DB, row *domainRow) error {
	row.ID, row.CreatedMs = 0, time.Now().UnixMilli()
	if err := tx.Create(row).Error; err != nil {
		return err
	}
	return d.note(ctx, tx, alteration{
		kind: ChangedDomain, object: uint64(row.ID), version: 1, account: row.AccountID, action: "domain.create", name: string(row.Host), after: row.json(),
	})
}

// EnsureDefaultDomain makes host, the public URL's, the installation's domain: links of accounts without a domain of
// their own stand on it, and it answers for every host that belongs to nobody. It also makes the installation's key of
// codes. It may be called at every start. link.ErrTaken: the host belongs to another account than 1.
func (d *DB) EnsureDefaultDomain(ctx context.Context, host string) error {
	if _, err := d.CodeKey(ctx); err != nil {
		return err
	}
	err := d.ensureDefaultDomain(ctx, host)
	if d.dia.Kind(err) == dialect.Duplicate { // another process was faster
		err = d.ensureDefaultDomain(ctx, host)
	}
	if err != nil {
		return fmt.Errorf("ensure default domain: %w", err)
	}
	return nil
}

func (d *DB) ensureDefaultDomain(ctx context.Context, host string) error {
	return d.writeOrm(ctx, func(tx *gorm.DB) error {
		var rows []domainRow
		if err := d.lock(tx).Where("host = ? OR is_default = ?", []byte(host), defaultOfInstallation).Order("id").Find(&rows).Error; err != nil {
			return err
		}
		found := false
		for i := range rows {
			row := &rows[i]
			want := uint8(defaultOfNobody)
			if string(row.Host) == host {
				found, want = true, defaultOfInstallation
			}
			if want != 0 && row.AccountID != 1 {
				return fmt.Errorf("%w: %s belongs to account %d", link.ErrTaken, host, row.AccountID)
			}
			if err := d.alterDomain(ctx, tx, row, "domain.default", func(r *domainRow) { r.setInstallation(want) }); err != nil {
				return err
			}
		}
		if found {
			return nil
		}
		row := &domainRow{AccountID: 1, Host: []byte(host)}
		row.setInstallation(defaultOfInstallation)
		return d.insertDomain(ctx, tx, row)
	})
}

// setInstallation makes a domain the installation's, or ends that: then the links that stand on it must go on answering,
// so the operator's word is its proof.
func (r *domainRow) setInstallation(isDefault uint8) {
	r.IsDefault = isDefault
	if r.VerifiedMs == nil {
		r.VerifiedMs = msOrNil(time.Now().UnixMilli())
	}
}

// alterDomain changes a locked row, if that changes anything.
func (d *DB) alterDomain(ctx context.Context, tx *gorm.DB, row *domainRow, action string, change func(*domainRow)) error {
	before := row.json()
	change(row)
	if row.json() == before {
		return nil
	}
	if err := tx.Select("*").Omit("id").Where("id = ?", row.ID).Updates(row).Error; err != nil {
		return err
	}
	return d.note(ctx, tx, alteration{
		kind: ChangedDomain, object: uint64(row.ID), account: row.AccountID, action: action, name: string(row.Host), before: before, after: row.json(),
	})
}

// A DomainPatch is what is to change of a domain: the fields that are not nil.
type DomainPatch struct {
	FallbackURL  *string // "" = none
	Default      *bool   // of its account; the account's other domains are then no default
	ForeignCodes *bool
	VerifiedMS   *int64
}

// UpdateDomain changes a domain of an account.
func (d *DB) UpdateDomain(ctx context.Context, account uint32, host string, patch DomainPatch) (Domain, error) {
	var row domainRow
	err := d.writeOrm(ctx, func(tx *gorm.DB) error {
		row = domainRow{}
		if err := d.lock(tx).Where("host = ? AND account_id = ?", []byte(host), account).Take(&row).Error; err != nil {
			return notFound(err)
		}
		if orZero(patch.Default) {
			if err := d.noOtherDefault(ctx, tx, account, row.ID); err != nil {
				return err
			}
		}
		return d.alterDomain(ctx, tx, &row, patch.action(), patch.apply)
	})
	if err != nil {
		return Domain{}, fmt.Errorf("update domain: %w", err)
	}
	return row.domain(), nil
}

func (p *DomainPatch) action() string {
	if p.VerifiedMS != nil {
		return "domain.verify"
	}
	return "domain.update"
}

func (p *DomainPatch) apply(r *domainRow) {
	if p.FallbackURL != nil {
		r.FallbackURL = bytesOrNil(*p.FallbackURL)
	}
	if p.Default != nil && r.IsDefault != defaultOfInstallation {
		r.IsDefault = defaultOfNobody
		if *p.Default {
			r.IsDefault = defaultOfAccount
		}
	}
	if p.ForeignCodes != nil {
		r.ForeignCodes = *p.ForeignCodes
	}
	if p.VerifiedMS != nil {
		r.VerifiedMs = msOrNil(*p.VerifiedMS)
	}
}

func (d *DB) noOtherDefault(ctx context.Context, tx *gorm.DB, account, id uint32) error {
	var others []domainRow
	err := d.lock(tx).Where("account_id = ? AND is_default = ? AND id <> ?", account, defaultOfAccount, id).Find(&others).Error
	for i := range others {
		err = errors.Join(err, d.alterDomain(ctx, tx, &others[i], "domain.update", func(r *domainRow) { r.IsDefault = defaultOfNobody }))
	}
	return err
}

// ErrDomainInUse says that links stand on the domain, whose codes answer for ever, or that a campaign names it.
var ErrDomainInUse = errors.New("domain has links or campaigns")

// DeleteDomain removes a domain of an account that has no links and no campaigns and is not the installation's.
func (d *DB) DeleteDomain(ctx context.Context, account uint32, host string) error {
	err := d.writeOrm(ctx, func(tx *gorm.DB) error {
		var row domainRow
		if err := d.lock(tx).Where("host = ? AND account_id = ?", []byte(host), account).Take(&row).Error; err != nil {
			return notFound(err)
		}
		return d.removeDomain(ctx, tx, &row)
	})
	if err != nil {
		return fmt.Errorf("delete domain: %w", err)
	}
	return nil
}

// removeDomain removes a locked row on which nothing stands.
func (d *DB) removeDomain(ctx context.Context, tx *gorm.DB, row *domainRow) error {
	for _, table := range []string{"links", "campaigns"} {
		var used []uint64
		if err := tx.Table(table).Where("domain_id = ?", row.ID).Limit(1).Pluck("id", &used).Error; err != nil {
			return err
		}
		if len(used) > 0 || row.IsDefault == defaultOfInstallation {
			return ErrDomainInUse
		}
	}
	if err := tx.Where("id = ?", row.ID).Delete(&domainRow{}).Error; err != nil {
		return err
	}
	return d.note(ctx, tx, alteration{
		kind: ChangedDomain, object: uint64(row.ID), account: row.AccountID, action: "domain.delete", name: string(row.Host), before: row.json(),
		after: domainJSON{Host: string(row.Host), Deleted: true},
	})
}
