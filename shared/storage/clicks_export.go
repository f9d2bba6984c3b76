package storage

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"longtail/shared/classify"
	"longtail/shared/click"
)

// An ExportedClick is one stored click as the export shows it; the view v_clicks shows all of it but Reason.
type ExportedClick struct {
	ID        click.ID
	Domain    string
	Code      string
	Campaign  string
	Recipient string
	Token     string // none, valid, invalid, private
	Method    string // GET, HEAD
	Class     string // human, machine, unknown
	IP        string
	UserAgent []byte
	Referrer  []byte
	URL       string // the link's target now
	Reason    string // the rule by which it is a machine's, as a word; "" = none
}

// The words of the numbers in clicks.
var (
	tokenWords  = map[Token]string{TokenNone: "none", TokenValid: "valid", TokenInvalid: "invalid", TokenPrivate: "private"}
	methodWords = map[click.Method]string{click.GET: "GET", click.HEAD: "HEAD"}
	classWords  = map[Class]string{Unknown: "unknown", Human: "human", Machine: "machine"}
)

// Word returns how outsiders read the finding.
func (t Token) Word() string { return tokenWords[t] }

// Word returns how outsiders read the class.
func (c Class) Word() string { return classWords[c] }

// CampaignIDs returns up to limit campaigns of an account in the order of their ids, behind after.
func (d *DB) CampaignIDs(ctx context.Context, account uint32, after uint64, limit int) (ids []uint64, err error) {
	err = d.read(ctx).Model(&campaignRow{}).Where("account_id = ? AND id > ?", account, after).Order("id").Limit(limit).Pluck("id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("read campaigns: %w", err)
	}
	return ids, nil
}

// clickRow is a row of clicks on its way out.
type clickRow struct {
	ExportedClick
	id, ip []byte
	link   uint64
	token  Token
	method click.Method
	class  Class
	rule   classify.Rule
}

func (r *clickRow) into() []any {
	return []any{&r.id, &r.link, &r.Recipient, &r.token, &r.method, &r.class, &r.ip, &r.UserAgent, &r.Referrer, &r.rule}
}

// Clicks returns up to limit clicks of a campaign in [fromMS, toMS), in the order of their ids and so of their times,
// behind after (zero = from the first). A caller whose toMS is not past complete_through never misses one: a click below
// it that is not stored yet does not exist.
func (d *DB) Clicks(ctx context.Context, campaign uint64, fromMS, toMS int64, after click.ID, limit int) ([]ExportedClick, error) {
	name, err := d.campaignName(ctx, campaign)
	if err != nil {
		return nil, err
	}
	first, end, above := firstID(fromMS), firstID(toMS), ">="
	if bytes.Compare(after[:], first[:]) >= 0 {
		first, above = after, ">"
	}
	// The days are a function of the ids; they let the server read only the partitions that can hold them.
	rows, err := d.sql.QueryContext(ctx, "SELECT event_id, link_id, recipient, token, method, class, ip, user_agent, referrer, rule FROM clicks"+
		" WHERE campaign_id = ? AND event_id "+above+" ? AND event_id < ? AND day >= ? AND day <= ? ORDER BY event_id LIMIT ?",
		campaign, first[:], end[:], first.Day(), end.Day(), limit)
	if err != nil {
		return nil, fmt.Errorf("read clicks: %w", err)
	}
	found, err := collect(rows, (*clickRow).into)
	if err != nil {
		return nil, fmt.Errorf("read clicks: %w", err)
	}
	places, err := d.places(ctx, found)
	if err != nil {
		return nil, err
	}
	clicks := make([]ExportedClick, len(found))
	for i := range found {
		r := &found[i]
		c := r.ExportedClick
		c.ID, c.Campaign, c.IP = click.ID(r.id), name, string(r.ip)
		c.Token, c.Method, c.Class = tokenWords[r.token], methodWords[r.method], classWords[r.class]
		c.Reason = r.rule.String()
		place := places[r.link]
		c.Domain, c.Code, c.URL = place.host, place.code, place.url
		clicks[i] = c
	}
	return clicks, nil
}

// firstID is below every id of the millisecond and of later ones.
func firstID(ms int64) (id click.ID) {
	ms = min(max(ms, 0), 1<<48-1)
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}

func (d *DB) campaignName(ctx context.Context, id uint64) (string, error) {
	var name []byte
	err := d.sql.QueryRowContext(ctx, "SELECT name FROM campaigns WHERE id = ?", id).Scan(&name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read campaign: %w", err)
	}
	return string(name), nil
}

// place is where a link stands and leads.
type place struct{ host, code, url string }

func (d *DB) places(ctx context.Context, clicks []clickRow) (map[uint64]place, error) {
	type row struct {
		id              uint64
		host, code, url []byte
	}
	places := map[uint64]place{}
	for i := range clicks {
		places[clicks[i].link] = place{}
	}
	for some := range slices.Chunk(slices.Collect(maps.Keys(places)), idsAtOnce) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		rows, err := d.sql.QueryContext(ctx, "SELECT l.id, COALESCE(d.host, ''), l.code, l.url FROM links AS l LEFT JOIN domains AS d ON d.id = l.domain_id"+
			" WHERE l.id IN ("+marks(len(some))+")", args...)
		if err != nil {
			return nil, fmt.Errorf("read links of clicks: %w", err)
		}
		found, err := collect(rows, func(r *row) []any { return []any{&r.id, &r.host, &r.code, &r.url} })
		if err != nil {
			return nil, fmt.Errorf("read links of clicks: %w", err)
		}
		for _, r := range found {
			places[r.id] = place{string(r.host), string(r.code), string(r.url)}
		}
	}
	return places, nil
}
