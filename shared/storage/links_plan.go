package storage

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"longtail/shared/link"
)

// refKey, targetKey and codeKey name a link by what makes it unique.
type refKey struct {
	account uint32
	ref     string
}

type targetKey struct {
	campaign uint64
	hash     [16]byte
}

type codeKey struct {
	domain uint32
	code   string
}

// creation is one try to store a chunk: what is there already, what is decided of each link.
type creation struct {
	links   []NewLink
	codes   link.CodeKey
	lookAll bool
	now     int64

	refs    map[refKey]link.Link    // in the database
	targets map[targetKey]link.Link // in the database, live
	taken   map[codeKey]bool        // in the database or in this chunk
	coded   map[codeKey]link.Link   // in the database

	results []CreateResult
	fresh   []int       // links to be inserted
	same    map[int]int // link -> the fresh one of this chunk that it means
}

func (p *creation) reset(now int64) {
	p.now = now
	p.refs, p.targets, p.taken, p.coded = map[refKey]link.Link{}, map[targetKey]link.Link{}, map[codeKey]bool{}, map[codeKey]link.Link{}
	p.results, p.fresh, p.same = make([]CreateResult, len(p.links)), nil, map[int]int{}
}

// lookUp finds what is there. Reuse locks the campaigns first: two chunks must not both find nothing.
func (d *DB) lookUp(ctx context.Context, tx *sql.Tx, p *creation) error {
	var refs, reuse, codes []int
	var campaigns []uint64
	for i := range p.links {
		l := &p.links[i]
		if l.Ref != "" {
			refs = append(refs, i)
		}
		if l.Reuse {
			reuse, campaigns = append(reuse, i), append(campaigns, l.Campaign)
		}
		if l.Code != "" && (p.lookAll || l.SameCode || !link.Generated(l.Code)) {
			codes = append(codes, i)
		}
	}
	if err := d.lockCampaigns(ctx, tx, campaigns); err != nil {
		return err
	}
	return errors.Join(d.lookUpRefs(ctx, tx, p, refs), d.lookUpTargets(ctx, tx, p, reuse), d.lookUpCodes(ctx, tx, p, codes))
}

// refProbes is how many refs of many are looked up first. A list is nearly always all new or all a repetition: where none of
// them is there, the insert itself says so if another one is, and then all are looked up.
const refProbes = 8

// lookUpRefs finds the links that refs stand for.
func (d *DB) lookUpRefs(ctx context.Context, tx *sql.Tx, p *creation, items []int) error {
	if step := len(items) / refProbes; step > 1 && !p.lookAll {
		var probes []int
		for at := 0; at < len(items); at += step {
			probes = append(probes, items[at])
		}
		if err := d.lookUpEachRef(ctx, tx, p, probes); err != nil || len(p.refs) == 0 {
			return err
		}
	}
	return d.lookUpEachRef(ctx, tx, p, items)
}

func (d *DB) lookUpEachRef(ctx context.Context, tx *sql.Tx, p *creation, items []int) error {
	for account, some := range grouped(items, func(i int) uint32 { return p.links[i].Account }) {
		for part := range slices.Chunk(some, idsAtOnce) {
			args := []any{account}
			for _, i := range part {
				args = append(args, []byte(p.links[i].Ref))
			}
			found, err := d.linksWhere(ctx, tx, "l.account_id = ? AND l.ref IN ("+marks(len(part))+")", args...)
			if err != nil {
				return err
			}
			for _, l := range found {
				p.refs[refKey{l.Account, l.Ref}] = l
			}
		}
	}
	return nil
}

// lookUpTargets finds, of each target, the campaign's first link that still leads there.
func (d *DB) lookUpTargets(ctx context.Context, tx *sql.Tx, p *creation, items []int) error {
	for campaign, some := range grouped(items, func(i int) uint64 { return p.links[i].Campaign }) {
		for part := range slices.Chunk(some, idsAtOnce) {
			args := []any{campaign}
			for _, i := range part {
				hash := urlHash(p.links[i].URL)
				args = append(args, hash[:])
			}
			found, err := d.linksWhere(ctx, tx, "l.id IN (SELECT MIN(f.id) FROM links AS f WHERE f.campaign_id = ? AND f.url_hash IN ("+marks(len(part))+
				") AND f.state = 1 AND (f.expires_ms IS NULL OR f.expires_ms > ?) GROUP BY f.url_hash)", append(args, p.now)...)
			if err != nil {
				return err
			}
			for _, l := range found {
				p.targets[targetKey{l.Campaign, urlHash(l.URL)}] = l
			}
		}
	}
	return nil
}

func (d *DB) lookUpCodes(ctx context.Context, tx *sql.Tx, p *creation, items []int) error {
	for domain, some := range grouped(items, func(i int) uint32 { return p.links[i].Domain }) {
		for part := range slices.Chunk(some, idsAtOnce) {
			args := []any{domain}
			for _, i := range part {
				args = append(args, []byte(p.links[i].Code))
			}
			found, err := d.linksWhere(ctx, tx, "l.domain_id = ? AND l.code IN ("+marks(len(part))+")", args...)
			if err != nil {
				return fmt.Errorf("look up codes: %w", err)
			}
			for _, l := range found {
				key := codeKey{domain, l.Code}
				p.taken[key], p.coded[key] = true, l
			}
		}
	}
	return nil
}

// decide goes through the chunk in its order, so that a link may mean an earlier one of the same chunk.
func (p *creation) decide() {
	refs, targets, codes := map[refKey]int{}, map[targetKey]int{}, map[codeKey]int{}
	for i := range p.links {
		l := &p.links[i]
		ref, target := refKey{l.Account, l.Ref}, targetKey{l.Campaign, urlHash(l.URL)}
		if p.knownRef(i, ref, refs) || p.knownTarget(i, target, targets) || p.knownCode(i, codes) {
			continue
		}
		if !p.take(i) {
			p.results[i].Err = link.ErrTaken
			continue
		}
		codes[codeKey{l.Domain, l.Code}] = i
		if l.Ref != "" {
			refs[ref] = i
		}
		if _, here := targets[target]; !here && p.usable(l) {
			targets[target] = i
		}
	}
}

// knownRef answers a link whose ref is stored, or stands earlier in the chunk.
func (p *creation) knownRef(i int, ref refKey, refs map[refKey]int) bool {
	if ref.ref == "" {
		return false
	}
	old, stored := p.refs[ref]
	first, here := refs[ref]
	switch {
	case stored:
		p.means(i, old)
	case here && p.links[first].URL != p.links[i].URL:
		p.results[i].Err = link.ErrConflict
	case here:
		p.same[i] = first
	}
	return stored || here
}

// knownTarget answers a link that may be another one of the same target.
func (p *creation) knownTarget(i int, target targetKey, targets map[targetKey]int) bool {
	if !p.links[i].Reuse {
		return false
	}
	if old, stored := p.targets[target]; stored {
		p.means(i, old)
		return true
	}
	first, here := targets[target]
	if here {
		p.same[i] = first
	}
	return here
}

// knownCode answers a link whose code stands for the same target already.
func (p *creation) knownCode(i int, codes map[codeKey]int) bool {
	l := &p.links[i]
	if !l.SameCode {
		return false
	}
	key := codeKey{l.Domain, l.Code}
	if old, stored := p.coded[key]; stored && old.Account == l.Account && old.URL == l.URL {
		p.means(i, old)
		return true
	}
	first, here := codes[key]
	if here = here && p.links[first].URL == l.URL; here {
		p.same[i] = first
	}
	return here
}

// usable reports whether reuse may answer with the link.
func (p *creation) usable(l *NewLink) bool {
	return l.State == link.Live && (l.ExpiresMS == 0 || l.ExpiresMS > p.now)
}

// means answers with a link that is stored.
func (p *creation) means(i int, old link.Link) {
	if old.URL != p.links[i].URL {
		p.results[i].Err = link.ErrConflict
		return
	}
	p.results[i] = CreateResult{Link: old, Existing: true}
}

// take gives the link its code and puts it among the fresh ones, unless the code is taken.
func (p *creation) take(i int) bool {
	l := p.links[i].Link
	if l.Code == "" {
		l.Code = p.codes.New()
	}
	code := codeKey{l.Domain, l.Code}
	if p.taken[code] {
		return false
	}
	p.taken[code] = true
	l.ID, l.Ordinal, l.Version, l.CreatedMS = 0, 0, 1, p.now
	p.results[i].Link = l
	p.fresh = append(p.fresh, i)
	return true
}

// repeat answers those that mean a link of the same chunk.
func (p *creation) repeat() {
	for i, first := range p.same {
		p.results[i] = CreateResult{Link: p.results[first].Link, Existing: true}
	}
}

// grouped yields items by key, in the order of the keys.
func grouped[K cmp.Ordered](items []int, key func(int) K) iter.Seq2[K, []int] {
	groups := map[K][]int{}
	for _, i := range items {
		groups[key(i)] = append(groups[key(i)], i)
	}
	return func(yield func(K, []int) bool) {
		for _, k := range slices.Sorted(maps.Keys(groups)) {
			if !yield(k, groups[k]) {
				return
			}
		}
	}
}
