package storage

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// The table changes: one row for every change of a link, campaign, domain, key or account, written in the change's own
// transaction. It is the history of an object and the feed by which redirectors repair what they keep in memory. A new
// link or campaign writes none: nobody has kept it yet.

// A ChangeKind is what a change is of.
type ChangeKind uint8

// The kinds of changes.
const (
	ChangedLink     ChangeKind = 1
	ChangedCampaign ChangeKind = 2
	ChangedDomain   ChangeKind = 3
	ChangedKey      ChangeKind = 4
	ChangedAccount  ChangeKind = 5
)

// A Change is a row of the feed.
type Change struct {
	Seq     uint64
	Kind    ChangeKind
	Object  uint64 // the object's id; of a key, its 8 bytes as a number
	Version uint32 // which the change made; rises with every change of the object
	AtMS    int64
}

type changeRow struct {
	Seq        uint64 `gorm:"primaryKey"`
	Kind       ChangeKind
	ObjectID   uint64
	Version    uint32
	AtMs       int64
	BeforeJSON *string
}

func (changeRow) TableName() string { return "changes" }

// alteration is a change on its way into the tables changes and audit.
type alteration struct {
	kind    ChangeKind
	object  uint64
	version uint32 // 0 = the next one after those in changes; the object's row is locked
	account uint32
	action  string // of the audit
	name    string // of the object, as people know it
	before  any    // nil = it was not there
	after   any
}

// note writes the row of changes and, when somebody is named as the actor, the row of audit.
func (d *DB) note(ctx context.Context, tx *gorm.DB, a alteration) error {
	row := changeRow{Kind: a.kind, ObjectID: a.object, Version: a.version, AtMs: time.Now().UnixMilli()}
	if row.Version == 0 {
		last := tx.Model(&changeRow{}).Select("COALESCE(MAX(version), 1)").Where("kind = ? AND object_id = ?", a.kind, a.object)
		if err := last.Scan(&row.Version).Error; err != nil {
			return fmt.Errorf("read last change: %w", err)
		}
		row.Version++
	}
	if a.before != nil {
		row.BeforeJSON = jsonOf(a.before)
	}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("write change: %w", err)
	}
	return d.noteAudit(ctx, tx, a, row)
}

// Changes returns up to limit rows of the feed with a seq above afterSeq, in its order. A row may become visible after
// one with a higher seq, as long as its transaction runs.
func (d *DB) Changes(ctx context.Context, afterSeq uint64, limit int) ([]Change, error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT seq, kind, object_id, version, at_ms FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", afterSeq, limit)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return collect(rows, func(c *Change) []any { return []any{&c.Seq, &c.Kind, &c.Object, &c.Version, &c.AtMS} })
}

// LastChange returns the feed's highest seq, 0 when it is empty.
func (d *DB) LastChange(ctx context.Context) (seq uint64, err error) {
	err = d.sql.QueryRowContext(ctx, "SELECT COALESCE(MAX(seq), 0) FROM changes").Scan(&seq)
	return seq, err
}
