package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"longtail/shared/link"
)

// A Patch is what is to change of a link: the fields that are not nil.
type Patch struct {
	URL       *string
	Name      *string
	Tags      *[]string
	Forward   *[]string
	State     *link.State
	ExpiresMS *int64 // 0 = never
}

// linkJSON is as much of a link as can change, in history and audit.
type linkJSON struct {
	URL       string     `json:"url"`
	Name      string     `json:"name,omitempty"`
	Tags      []string   `json:"tags,omitempty"`
	Forward   []string   `json:"forward_query,omitempty"`
	State     link.State `json:"state"`
	ExpiresMS int64      `json:"expires_ms,omitempty"`
}

func linkState(l *link.Link) linkJSON {
	return linkJSON{l.URL, l.Name, l.Tags, l.Forward, l.State, l.ExpiresMS}
}

func (x linkJSON) equal(y linkJSON) bool {
	return x.URL == y.URL && x.Name == y.Name && x.State == y.State && x.ExpiresMS == y.ExpiresMS && slices.Equal(x.Tags, y.Tags) && slices.Equal(x.Forward, y.Forward)
}

func (p *Patch) apply(l *link.Link) {
	set(&l.URL, p.URL)
	set(&l.Name, p.Name)
	set(&l.Tags, p.Tags)
	set(&l.Forward, p.Forward)
	set(&l.State, p.State)
	set(&l.ExpiresMS, p.ExpiresMS)
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// UpdateLink changes a link of an account and writes its history in one transaction. With a version it is link.ErrStale
// unless the link has that one. A deleted link stays deleted: another change of it is link.ErrStale as well. A patch that
// changes nothing leaves the version as it is.
func (d *DB) UpdateLink(ctx context.Context, account uint32, id uint64, patch Patch, ifVersion *uint32) (l link.Link, err error) {
	err = d.write(ctx, func(tx *sql.Tx) error {
		found, err := d.linksWhere(ctx, tx, "l.id = ? AND l.account_id = ?"+d.dia.ForUpdate, id, account)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return link.ErrNotFound
		}
		l = found[0]
		if ifVersion != nil && *ifVersion != l.Version {
			return link.ErrStale
		}
		return d.alterLink(ctx, tx, &l, &patch)
	})
	if err != nil {
		return link.Link{}, fmt.Errorf("update link: %w", err)
	}
	return l, nil
}

// alterLink applies a patch to a locked link.
func (d *DB) alterLink(ctx context.Context, tx *sql.Tx, l *link.Link, patch *Patch) error {
	before := linkState(l)
	patch.apply(l)
	after := linkState(l)
	if after.equal(before) {
		return nil
	}
	if before.State == link.Deleted {
		return link.ErrStale
	}
	l.Version++
	hash := urlHash(l.URL)
	orm := d.ormOn(ctx, tx)
	err := orm.Table("links").Where("id = ?", l.ID).Updates(map[string]any{
		"url": []byte(l.URL), "url_hash": hash[:], "name": bytesOrNil(l.Name), "tags_json": jsonOrNil(l.Tags), "forward_json": jsonOrNil(l.Forward),
		"state": uint8(l.State), "expires_ms": msOrNil(l.ExpiresMS), "version": l.Version,
	}).Error
	if err != nil {
		return err
	}
	if !slices.Equal(before.Tags, after.Tags) {
		if err := d.replaceTags(ctx, tx, l); err != nil {
			return err
		}
	}
	action := "link.update"
	if after.State == link.Deleted {
		action = "link.delete"
	}
	return d.note(ctx, orm, alteration{
		kind: ChangedLink, object: l.ID, version: l.Version, account: l.Account, action: action, name: l.Code, before: before, after: after,
	})
}

// DeleteLink ends a link for ever: its code answers 410 and is never given again, its figures stay. To delete it twice
// is to delete it once.
func (d *DB) DeleteLink(ctx context.Context, account uint32, id uint64, ifVersion *uint32) (link.Link, error) {
	state := link.Deleted
	return d.UpdateLink(ctx, account, id, Patch{State: &state}, ifVersion)
}

// A LinkVersion is one entry of a link's history: how the link was before the version.
type LinkVersion struct {
	Version uint32
	AtMS    int64
	Before  link.Link
}

// LinkHistory returns up to limit versions of a link, newest first, below before (0 = from the newest).
func (d *DB) LinkHistory(ctx context.Context, id uint64, before uint32, limit int) ([]LinkVersion, error) {
	links, err := d.FindLinks(ctx, []uint64{id})
	if err != nil || len(links) == 0 {
		return nil, err
	}
	var rows []changeRow
	q := newest(d.read(ctx), "version", uint64(before), limit)
	if err := q.Where("kind = ? AND object_id = ?", ChangedLink, id).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	versions := make([]LinkVersion, len(rows))
	for i, r := range rows {
		var was linkJSON
		if err := json.Unmarshal([]byte(orZero(r.BeforeJSON)), &was); err != nil {
			return nil, fmt.Errorf("%w: change %d: %w", ErrBug, r.Seq, err)
		}
		old := links[0]
		old.URL, old.Name, old.Tags, old.Forward, old.State, old.ExpiresMS = was.URL, was.Name, was.Tags, was.Forward, was.State, was.ExpiresMS
		old.Version = r.Version - 1
		versions[i] = LinkVersion{r.Version, r.AtMs, old}
	}
	return versions, nil
}
