package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"longtail/shared/link"
	"longtail/shared/storage/dialect"
)

// The table campaigns: a campaign is made by its first use. next_ordinal hands out the bits of its links.

// A Campaign groups the links of one sending; recipients are unique within it.
type Campaign struct {
	ID          uint64
	Account     uint32
	Name        string // the API's campaign id
	Title       string // the API's name
	Domain      uint32 // 0 = none of its own
	UTM         map[string]string
	RedirectAll string // where all its links lead while set
	SentMS      int64  // 0 = not known
	Version     uint32
	CreatedMS   int64
}

type campaignRow struct {
	ID          uint64 `gorm:"primaryKey"`
	AccountID   uint32
	Name        []byte
	Title       []byte
	DomainID    *uint32
	UtmJSON     *string
	RedirectAll []byte
	Version     uint32
	NextOrdinal uint32
	SentMs      *int64
	CreatedMs   int64
}

func (campaignRow) TableName() string { return "campaigns" }

func (r *campaignRow) campaign() (Campaign, error) {
	c := Campaign{
		ID: r.ID, Account: r.AccountID, Name: string(r.Name), Title: string(r.Title), Domain: orZero(r.DomainID), RedirectAll: string(r.RedirectAll),
		SentMS: orZero(r.SentMs), Version: r.Version, CreatedMS: r.CreatedMs,
	}
	if r.UtmJSON == nil {
		return c, nil
	}
	if err := json.Unmarshal([]byte(*r.UtmJSON), &c.UTM); err != nil {
		return c, fmt.Errorf("%w: utm of campaign %d: %w", ErrBug, r.ID, err)
	}
	return c, nil
}

// campaignJSON is a campaign in history and audit.
type campaignJSON struct {
	Title       string            `json:"name,omitempty"`
	Domain      uint32            `json:"domain,omitempty"`
	UTM         map[string]string `json:"utm,omitempty"`
	RedirectAll string            `json:"redirect_all,omitempty"`
	SentMS      int64             `json:"sent_ms,omitempty"`
}

func (c *Campaign) json() campaignJSON {
	return campaignJSON{c.Title, c.Domain, c.UTM, c.RedirectAll, c.SentMS}
}

func (x campaignJSON) equal(y campaignJSON) bool {
	return x.Title == y.Title && x.Domain == y.Domain && x.RedirectAll == y.RedirectAll && x.SentMS == y.SentMS && maps.Equal(x.UTM, y.UTM)
}

// GetCampaign returns an account's campaign, or link.ErrNotFound.
func (d *DB) GetCampaign(ctx context.Context, account uint32, name string) (Campaign, error) {
	return d.takeCampaign(d.read(ctx), account, name)
}

func (d *DB) takeCampaign(q *gorm.DB, account uint32, name string) (Campaign, error) {
	var row campaignRow
	if err := q.Where("account_id = ? AND name = ?", account, []byte(name)).Take(&row).Error; err != nil {
		return Campaign{}, fmt.Errorf("find campaign: %w", notFound(err))
	}
	return row.campaign()
}

// EnsureCampaign returns an account's campaign and makes it when it is not there.
func (d *DB) EnsureCampaign(ctx context.Context, account uint32, name string) (Campaign, error) {
	c, err := d.GetCampaign(ctx, account, name)
	if !errors.Is(err, link.ErrNotFound) {
		return c, err
	}
	err = d.writeAgain(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO campaigns (account_id, name, version, next_ordinal, created_ms) VALUES (?, ?, 1, 0, ?)"+
			d.dia.Ignore("campaigns", "account_id, name"), account, []byte(name), time.Now().UnixMilli())
		return err
	})
	if err != nil {
		return Campaign{}, fmt.Errorf("make campaign: %w", err)
	}
	return d.GetCampaign(ctx, account, name)
}

// ListCampaigns returns up to limit campaigns of an account, newest first, with ids below before (0 = from the newest).
func (d *DB) ListCampaigns(ctx context.Context, account uint32, before uint64, limit int) ([]Campaign, error) {
	var rows []campaignRow
	if err := newest(d.read(ctx), "id", before, limit).Where("account_id = ?", account).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list campaigns: %w", err)
	}
	all := make([]Campaign, len(rows))
	for i := range rows {
		var err error
		if all[i], err = rows[i].campaign(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// PutCampaign sets what can be set of the campaign c.Account, c.Name, and makes it when it is not there. With a version
// it is link.ErrStale unless the campaign has that one. A put that changes nothing leaves the version as it is.
func (d *DB) PutCampaign(ctx context.Context, c Campaign, ifVersion *uint32) (Campaign, error) {
	has, err := d.GetCampaign(ctx, c.Account, c.Name)
	switch {
	case errors.Is(err, link.ErrNotFound) && ifVersion != nil:
		return Campaign{}, link.ErrStale
	case errors.Is(err, link.ErrNotFound):
		has, err = d.EnsureCampaign(ctx, c.Account, c.Name)
	}
	if err != nil {
		return Campaign{}, err
	}
	err = d.writeOrm(ctx, func(tx *gorm.DB) error {
		if has, err = d.takeCampaign(d.lock(tx), c.Account, c.Name); err != nil {
			return err
		}
		if ifVersion != nil && *ifVersion != has.Version {
			return link.ErrStale
		}
		has, err = d.alterCampaign(ctx, tx, has, c.json())
		return err
	})
	if err != nil {
		return Campaign{}, fmt.Errorf("put campaign: %w", err)
	}
	return has, nil
}

// alterCampaign gives a locked campaign new fields.
func (d *DB) alterCampaign(ctx context.Context, tx *gorm.DB, has Campaign, want campaignJSON) (Campaign, error) {
	before := has.json()
	if want.equal(before) {
		return has, nil
	}
	has.Title, has.Domain, has.UTM, has.RedirectAll, has.SentMS = want.Title, want.Domain, want.UTM, want.RedirectAll, want.SentMS
	has.Version++
	domain, utm := (*uint32)(nil), (*string)(nil)
	if has.Domain != 0 {
		domain = &has.Domain
	}
	if len(has.UTM) > 0 {
		utm = jsonOf(has.UTM)
	}
	err := tx.Model(&campaignRow{}).Where("id = ?", has.ID).Updates(map[string]any{
		"title": bytesOrNil(has.Title), "domain_id": domain, "utm_json": utm, "redirect_all": bytesOrNil(has.RedirectAll),
		"sent_ms": msOrNil(has.SentMS), "version": has.Version,
	}).Error
	if err != nil {
		return has, err
	}
	return has, d.note(ctx, tx, alteration{
		kind: ChangedCampaign, object: has.ID, version: has.Version, account: has.Account, action: "campaign.put", name: has.Name, before: before, after: want,
	})
}

// RedirectAll returns where the campaigns lead that send all their links elsewhere.
func (d *DB) RedirectAll(ctx context.Context) (map[uint64]string, error) {
	var rows []campaignRow
	if err := d.read(ctx).Select("id", "redirect_all").Where("redirect_all IS NOT NULL").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read redirected campaigns: %w", err)
	}
	all := make(map[uint64]string, len(rows))
	for _, r := range rows {
		all[r.ID] = string(r.RedirectAll)
	}
	return all, nil
}

// lockCampaigns lets nobody else add links to the campaigns until the transaction ends.
func (d *DB) lockCampaigns(ctx context.Context, tx *sql.Tx, ids []uint64) error {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		var same uint64
		err := tx.QueryRowContext(ctx, "SELECT id FROM campaigns WHERE id = ?"+d.dia.ForUpdate, id).Scan(&same)
		if errors.Is(err, sql.ErrNoRows) {
			err = link.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("lock campaign %d: %w", id, err)
		}
	}
	return nil
}

// reserveOrdinals takes n bits of a campaign and returns the first. The row stays locked.
func (d *DB) reserveOrdinals(ctx context.Context, tx *sql.Tx, campaign uint64, n int) (first uint32, err error) {
	if d.dia.Name == dialect.SQLite {
		err = tx.QueryRowContext(ctx, "UPDATE campaigns SET next_ordinal = next_ordinal + ? WHERE id = ? RETURNING next_ordinal - ?", n, campaign, n).Scan(&first)
		if errors.Is(err, sql.ErrNoRows) {
			err = link.ErrNotFound
		}
		return first, err
	}
	// What LAST_INSERT_ID is given comes back with the answer, without a question of its own.
	result, err := tx.ExecContext(ctx, "UPDATE campaigns SET next_ordinal = LAST_INSERT_ID(next_ordinal) + ? WHERE id = ?", n, campaign)
	if err != nil {
		return 0, err
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		return 0, errors.Join(err, link.ErrNotFound)
	}
	last, err := result.LastInsertId()
	return uint32(last), err
}
