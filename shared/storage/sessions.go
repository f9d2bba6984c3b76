package storage

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// The table sessions: sign-ins of the console, in SQL so that any redirector serves its pages.

// A Session is a sign-in.
type Session struct {
	IDHash    [32]byte // SHA-256 of what the browser holds
	Key       [8]byte  // zero for the bootstrap key
	CSRF      [32]byte
	CreatedMS int64
	ExpiresMS int64
}

type sessionRow struct {
	IDHash    []byte `gorm:"primaryKey"`
	KeyID     []byte
	Csrf      []byte
	CreatedMs int64
	ExpiresMs int64
}

func (sessionRow) TableName() string { return "sessions" }

// CreateSession keeps a sign-in.
func (d *DB) CreateSession(ctx context.Context, s Session) error {
	row := sessionRow{IDHash: s.IDHash[:], Csrf: s.CSRF[:], CreatedMs: s.CreatedMS, ExpiresMs: s.ExpiresMS}
	if s.Key != [8]byte{} {
		row.KeyID = s.Key[:]
	}
	if err := d.writeOrm(ctx, func(tx *gorm.DB) error { return tx.Create(&row).Error }); err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	return nil
}

// FindSession returns a sign-in that has not expired, or link.ErrNotFound.
func (d *DB) FindSession(ctx context.Context, idHash [32]byte) (Session, error) {
	var row sessionRow
	err := d.read(ctx).Where("id_hash = ? AND expires_ms > ?", idHash[:], time.Now().UnixMilli()).Take(&row).Error
	if err != nil {
		return Session{}, fmt.Errorf("find session: %w", notFound(err))
	}
	s := Session{IDHash: idHash, CreatedMS: row.CreatedMs, ExpiresMS: row.ExpiresMs}
	copy(s.Key[:], row.KeyID)
	copy(s.CSRF[:], row.Csrf)
	return s, nil
}

// EndSession signs out.
func (d *DB) EndSession(ctx context.Context, idHash [32]byte) error {
	return d.dropSessions(ctx, "id_hash = ?", idHash[:])
}

// DropSessions forgets the sign-ins that have expired.
func (d *DB) DropSessions(ctx context.Context) error {
	return d.dropSessions(ctx, "expires_ms <= ?", time.Now().UnixMilli())
}

func (d *DB) dropSessions(ctx context.Context, where string, arg any) error {
	err := d.writeOrm(ctx, func(tx *gorm.DB) error { return tx.Where(where, arg).Delete(&sessionRow{}).Error })
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}
