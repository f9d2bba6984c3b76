package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"longtail/shared/link"
	"longtail/shared/storage/dialect"
)

// createTries is how often a chunk is begun again because somebody else took a code or a reference meanwhile.
const createTries = 5

// A NewLink is a link to be stored. Its id, ordinal, version and time are given by the store; the state is live if it is
// not set; an empty code is made by the store. Campaign 0 means the account's campaign CampaignName, which is made by
// its first use. Account and Domain must be set.
type NewLink struct {
	link.Link
	Reuse bool // answer the campaign's existing live link of the same URL, if there is one
	// SameCode answers the account's link that has the code already, if it leads to the same URL: what makes an import
	// safe to repeat. Otherwise such a code is taken.
	SameCode bool
}

// A CreateResult is what became of one NewLink.
type CreateResult struct {
	Link     link.Link
	Existing bool  // found by its ref or by reuse, not created
	Err      error // link.ErrTaken, link.ErrConflict, or nil
}

// CreateLinks stores all links it can, in one transaction and with a few statements whatever their number, and answers
// in the order of the question. A link that cannot be stored fails alone; an error means that none was stored, or that
// nobody knows.
func (d *DB) CreateLinks(ctx context.Context, links []NewLink) ([]CreateResult, error) {
	if len(links) == 0 {
		return nil, nil
	}
	links = slices.Clone(links)
	codes, err := d.complete(ctx, links)
	if err != nil {
		return nil, fmt.Errorf("create %d links: %w", len(links), err)
	}
	for try := 1; ; try++ {
		// Codes of the generated shape, and all of many refs, are looked up only after one of them was found taken.
		p := &creation{links: links, codes: codes, lookAll: try > 1}
		err := d.write(ctx, func(tx *sql.Tx) error { return d.create(ctx, tx, p) })
		if err == nil {
			return p.results, nil
		}
		if !errors.Is(err, errTaken) || try == createTries {
			return nil, fmt.Errorf("create %d links: %w", len(links), err)
		}
	}
}

// complete names campaigns by their ids and returns the key of codes if a code must be made.
func (d *DB) complete(ctx context.Context, links []NewLink) (codes link.CodeKey, err error) {
	type campaign struct {
		account uint32
		name    string
	}
	known := map[campaign]uint64{}
	makeCodes := false
	for i := range links {
		l := &links[i].Link
		makeCodes = makeCodes || l.Code == ""
		if l.State == 0 {
			l.State = link.Live
		}
		if l.Campaign != 0 {
			continue
		}
		key := campaign{l.Account, l.CampaignName}
		if known[key] == 0 {
			c, err := d.EnsureCampaign(ctx, l.Account, l.CampaignName)
			if err != nil {
				return codes, err
			}
			known[key] = c.ID
		}
		l.Campaign = known[key]
	}
	if makeCodes {
		return d.CodeKey(ctx)
	}
	return codes, nil
}

// errTaken: the insert met a key that is there, so all of the chunk is begun again.
var errTaken = errors.New("taken meanwhile")

// create is one try, in its transaction.
func (d *DB) create(ctx context.Context, tx *sql.Tx, p *creation) error {
	p.reset(time.Now().UnixMilli())
	if err := d.lookUp(ctx, tx, p); err != nil {
		return err
	}
	p.decide()
	if len(p.fresh) == 0 {
		return nil
	}
	if err := d.number(ctx, tx, p); err != nil {
		return err
	}
	if err := d.insertLinks(ctx, tx, p); err != nil {
		if d.dia.Kind(err) == dialect.Duplicate {
			err = errors.Join(errTaken, err)
		}
		return err
	}
	p.repeat()
	return d.insertTags(ctx, tx, p)
}

// number gives the fresh links their bits, campaign by campaign in the order of their locks.
func (d *DB) number(ctx context.Context, tx *sql.Tx, p *creation) error {
	for campaign, some := range grouped(p.fresh, func(i int) uint64 { return p.links[i].Campaign }) {
		first, err := d.reserveOrdinals(ctx, tx, campaign, len(some))
		if err != nil {
			return fmt.Errorf("reserve %d ordinals of campaign %d: %w", len(some), campaign, err)
		}
		for n, i := range some {
			p.results[i].Link.Ordinal = first + uint32(n)
		}
	}
	return nil
}

var linksInsert = multi{
	head: "INSERT INTO links (domain_id, code, account_id, campaign_id, ordinal, url, url_hash, ref, name, forward_json, tags_json," +
		" key_id, state, expires_ms, version, created_ms) VALUES ",
	cols: 16,
}

// insertLinks stores the fresh links and learns their ids.
func (d *DB) insertLinks(ctx context.Context, tx *sql.Tx, p *creation) error {
	row := func(args []any, n int) []any {
		l := &p.results[p.fresh[n]].Link
		hash := urlHash(l.URL)
		key := []byte(nil)
		if l.KeyID != [8]byte{} {
			key = l.KeyID[:]
		}
		return append(args, l.Domain, []byte(l.Code), l.Account, l.Campaign, l.Ordinal, []byte(l.URL), hash[:], bytesOrNil(l.Ref), bytesOrNil(l.Name),
			jsonOrNil(l.Forward), jsonOrNil(l.Tags), key, uint8(l.State), msOrNil(l.ExpiresMS), l.Version, l.CreatedMS)
	}
	if len(p.fresh) == 1 {
		result, err := tx.ExecContext(ctx, linksInsert.head+rowMarks(1, linksInsert.cols), row(nil, 0)...)
		if err != nil {
			return fmt.Errorf("insert link: %w", err)
		}
		id, err := result.LastInsertId()
		p.results[p.fresh[0]].Link.ID = uint64(id)
		return err
	}
	if _, err := linksInsert.run(ctx, d, tx, len(p.fresh), row); err != nil {
		return fmt.Errorf("insert %d links: %w", len(p.fresh), err)
	}
	return d.readIDs(ctx, tx, p)
}

// readIDs asks for the ids by the bits, which the index that keeps them unique answers alone. That rows of one statement
// have ids in a row is not so on every server.
func (d *DB) readIDs(ctx context.Context, tx *sql.Tx, p *creation) error {
	type pair struct {
		id      uint64
		ordinal uint32
	}
	for campaign, some := range grouped(p.fresh, func(i int) uint64 { return p.links[i].Campaign }) {
		first := p.results[some[0]].Link.Ordinal
		rows, err := tx.QueryContext(ctx, "SELECT id, ordinal FROM links WHERE campaign_id = ? AND ordinal >= ? AND ordinal < ?", campaign, first, first+uint32(len(some)))
		if err != nil {
			return fmt.Errorf("read ids: %w", err)
		}
		pairs, err := collect(rows, func(x *pair) []any { return []any{&x.id, &x.ordinal} })
		if err != nil {
			return fmt.Errorf("read ids: %w", err)
		}
		if len(pairs) != len(some) {
			return fmt.Errorf("%w: %d of %d new links are there", ErrBug, len(pairs), len(some))
		}
		for _, x := range pairs {
			p.results[some[x.ordinal-first]].Link.ID = x.id
		}
	}
	return nil
}

func (d *DB) insertTags(ctx context.Context, tx *sql.Tx, p *creation) error {
	var tags []linkTag
	for _, i := range p.fresh {
		tags = append(tags, tagsOf(&p.results[i].Link)...)
	}
	return d.addTags(ctx, tx, tags)
}
