package storage

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"longtail/shared/link"
)

// The table links. A click's lookup is one question by its unique key (domain, code).

// linkColumns are those of linkRow. The campaign's name comes by a subquery, so that a locking read locks links only.
const linkColumns = "l.id, l.domain_id, l.code, l.account_id, l.campaign_id, (SELECT c.name FROM campaigns AS c WHERE c.id = l.campaign_id)," +
	" l.ordinal, l.url, l.ref, l.name, l.forward_json, l.tags_json, l.key_id, l.state, l.expires_ms, l.version, l.created_ms"

// linkRow is a row on its way out of the database.
type linkRow struct {
	l                    link.Link
	code, campaign, url  []byte
	ref, name, key       []byte
	forwardJSON, tagJSON []byte
	expires              sql.NullInt64
}

func (r *linkRow) into() []any {
	return []any{&r.l.ID, &r.l.Domain, &r.code, &r.l.Account, &r.l.Campaign, &r.campaign, &r.l.Ordinal, &r.url, &r.ref, &r.name,
		&r.forwardJSON, &r.tagJSON, &r.key, &r.l.State, &r.expires, &r.l.Version, &r.l.CreatedMS}
}

func (r *linkRow) link() (link.Link, error) {
	l := r.l
	l.Code, l.CampaignName, l.URL, l.Ref, l.Name = string(r.code), string(r.campaign), string(r.url), string(r.ref), string(r.name)
	l.ExpiresMS = r.expires.Int64
	copy(l.KeyID[:], r.key)
	if err := errors.Join(listOf(r.forwardJSON, &l.Forward), listOf(r.tagJSON, &l.Tags)); err != nil {
		return l, fmt.Errorf("%w: link %d: %w", ErrBug, l.ID, err)
	}
	return l, nil
}

func listOf(text []byte, list *[]string) error {
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, list)
}

// urlHash is what links of the same target have in common.
func urlHash(url string) [16]byte {
	sum := sha256.Sum256([]byte(url))
	return [16]byte(sum[:16])
}

// FindLink returns the link of a code, in whatever state it is, or link.ErrNotFound. It reads on the primary.
func (d *DB) FindLink(ctx context.Context, domain uint32, code string) (link.Link, error) {
	var r linkRow
	err := d.sql.QueryRowContext(ctx, "SELECT "+linkColumns+" FROM links AS l WHERE l.domain_id = ? AND l.code = ?", domain, []byte(code)).Scan(r.into()...)
	if errors.Is(err, sql.ErrNoRows) {
		return link.Link{}, link.ErrNotFound
	}
	if err != nil {
		return link.Link{}, fmt.Errorf("find link: %w", err)
	}
	return r.link()
}

// FindLinks returns those of the links that exist, in any order and state.
func (d *DB) FindLinks(ctx context.Context, ids []uint64) ([]link.Link, error) {
	var all []link.Link
	for some := range slices.Chunk(ids, idsAtOnce) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		found, err := d.linksWhere(ctx, d.sql, "l.id IN ("+marks(len(some))+")", args...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// linksWhere also takes what stands behind WHERE: an order, a limit, a lock.
func (d *DB) linksWhere(ctx context.Context, q querier, where string, args ...any) ([]link.Link, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+linkColumns+" FROM links AS l WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("find links: %w", err)
	}
	found, err := collect(rows, (*linkRow).into)
	if err != nil {
		return nil, err
	}
	links := make([]link.Link, len(found))
	for i := range found {
		if links[i], err = found[i].link(); err != nil {
			return nil, err
		}
	}
	return links, nil
}

// A LinkFilter chooses links of an account.
type LinkFilter struct {
	Account  uint32
	Campaign string // "" = all
	Tag      string
	Query    string // text within code, url or name; capitals do not matter
}

// ListLinks returns up to limit links, newest first, with ids below before (0 = from the newest). Deleted ones are
// among them.
func (d *DB) ListLinks(ctx context.Context, f LinkFilter, before uint64, limit int) ([]link.Link, error) {
	where, args := "l.account_id = ?", []any{f.Account}
	and := func(condition string, more ...any) { where, args = where+" AND "+condition, append(args, more...) }
	order := "l.id"
	if f.Campaign != "" {
		campaign, ordinal, err := d.placeInCampaign(ctx, f, before)
		if campaign == 0 || err != nil {
			return nil, err
		}
		and(fmt.Sprintf(d.dia.Pin, "l.campaign_id", campaign))
		if ordinal >= 0 {
			and("l.ordinal < ?", ordinal)
			before = 0
		}
		order = "l.campaign_id DESC, l.ordinal"
	}
	if f.Tag != "" {
		and("l.id IN (SELECT t.link_id FROM link_tags AS t WHERE t.account_id = ? AND t.tag = ?)", f.Account, []byte(f.Tag))
	}
	if f.Query != "" {
		text := []byte(f.Query)
		within := func(column string) string {
			return "INSTR(" + fmt.Sprintf(d.dia.Fold, column) + ", " + fmt.Sprintf(d.dia.Fold, "?") + ") > 0"
		}
		and("("+within("l.code")+" OR "+within("l.url")+" OR "+within("COALESCE(l.name, '')")+")", text, text, text)
	}
	if before != 0 {
		and("l.id < ?", before)
	}
	return d.linksWhere(ctx, d.sql, where+" ORDER BY "+order+" DESC LIMIT ?", append(args, limit)...)
}

// placeInCampaign returns the filter's campaign, 0 if there is none, and the ordinal of its link before, -1 if that is
// none of its own. Within a campaign ordinals are in the order of ids, and a page begins at one without a search.
func (d *DB) placeInCampaign(ctx context.Context, f LinkFilter, before uint64) (campaign uint64, ordinal int64, err error) {
	err = d.sql.QueryRowContext(ctx, "SELECT c.id, COALESCE(l.ordinal, -1) FROM campaigns AS c LEFT JOIN links AS l ON l.id = ? AND l.campaign_id = c.id"+
		" WHERE c.account_id = ? AND c.name = ?", before, f.Account, []byte(f.Campaign)).Scan(&campaign, &ordinal)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, -1, nil
	}
	if err != nil {
		return 0, -1, fmt.Errorf("find campaign: %w", err)
	}
	return campaign, ordinal, nil
}
