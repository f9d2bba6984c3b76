package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"longtail/shared/classify"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

const (
	// maxKnown bounds the links that a judge remembers: some 60 MB.
	maxKnown = 200_000
	// maxAhead is how far a click's time may lie ahead of this machine's clock. The day partitions reach further.
	maxAhead = 24 * time.Hour
)

// A judge turns messages into rows and dead letters: it decodes, checks the link, the day and the token, and labels
// what is certain. It remembers links, whose facts never change.
type judge struct {
	store Store
	keys  func(account uint32, campaign string) []link.CampaignKey
	mu    sync.RWMutex
	known map[uint64]*fact
}

type fact struct {
	storage.LinkFact
	keys []link.CampaignKey
}

func newJudge(store Store, keys func(uint32, string) []link.CampaignKey) *judge {
	return &judge{store: store, keys: keys, known: map[uint64]*fact{}}
}

// count returns the number of clicks that a delivery counts as, for the size of a batch.
func count(d *queue.Delivery) int {
	if d.Clicks > 0 || len(d.Frames) == 0 {
		return d.Clicks
	}
	n := 0
	for rest := d.Frames; len(rest) > 0; n++ {
		_, size, err := click.Next(rest)
		if err != nil {
			return n + 1
		}
		rest = rest[size:]
	}
	return n
}

// all judges every click of the deliveries. It fails only when the store does.
func (j *judge) all(ctx context.Context, held []*queue.Delivery) (storage.Batch, error) {
	var b storage.Batch
	for _, d := range held {
		decode(&d.Message, &b)
		if d.Feed != (queue.FeedID{}) {
			b.Ranges = append(b.Ranges, storage.Range{Feed: d.Feed, From: d.From, To: d.To, UptoMS: d.UptoMS})
		}
	}
	return b, j.sort(ctx, &b)
}

// sort moves the clicks that cannot be rows to the dead letters and completes the others.
func (j *judge) sort(ctx context.Context, b *storage.Batch) error {
	floor, err := j.store.RetentionFloor(ctx)
	if err != nil {
		return fmt.Errorf("read the retention floor: %w", err)
	}
	facts, err := j.learn(ctx, b.Clicks)
	if err != nil {
		return err
	}
	latest := time.Now().Add(maxAhead).UnixMilli()
	good := b.Clicks[:0]
	for i := range b.Clicks {
		row := &b.Clicks[i]
		if reason, detail := judgeOne(row, facts[row.Click.Link], floor, latest); reason != "" {
			b.Dead = append(b.Dead, letter(row, reason, detail))
			continue
		}
		good = append(good, *row)
	}
	b.Clicks = good
	return nil
}

// decode splits a message into clicks; what is no click becomes a dead letter under its own id or its hash.
func decode(m *queue.Message, b *storage.Batch) {
	for rest := m.Frames; len(rest) > 0; {
		payload, size, err := click.Next(rest)
		if err != nil {
			b.Dead = append(b.Dead, undecodable(m, rest, click.ID{}, err))
			return
		}
		c, err := click.Decode(payload)
		if err != nil {
			b.Dead = append(b.Dead, undecodable(m, rest[:size], c.ID, err))
		} else {
			b.Clicks = append(b.Clicks, storage.ClickRow{Click: c, Feed: m.Feed})
		}
		rest = rest[size:]
	}
}

func undecodable(m *queue.Message, body []byte, id click.ID, err error) storage.DeadLetter {
	reason := "undecodable"
	if errors.Is(err, click.ErrVersion) {
		reason = "newer_version"
	}
	if id == (click.ID{}) {
		sum := sha256.Sum256(body)
		copy(id[:], sum[:])
	}
	return storage.DeadLetter{ID: id, AtMS: time.Now().UnixMilli(), Reason: reason, Detail: err.Error(), Feed: m.Feed, Body: body}
}

// letter files a click that was decoded but cannot be a row.
func letter(row *storage.ClickRow, reason, detail string) storage.DeadLetter {
	c := &row.Click
	return storage.DeadLetter{
		ID: c.ID, AtMS: time.Now().UnixMilli(), Reason: reason, Detail: detail, Account: c.Account, Campaign: c.Campaign,
		Feed: row.Feed, Counts: c.Counts(), Body: click.AppendFrame(nil, c),
	}
}

// learn returns the facts of the rows' links. It asks the store, in one question, for those it does not remember; what
// is missing from the answer does not exist.
func (j *judge) learn(ctx context.Context, rows []storage.ClickRow) (map[uint64]*fact, error) {
	facts := map[uint64]*fact{}
	var unknown []uint64
	j.mu.RLock()
	for i := range rows {
		id := rows[i].Click.Link
		if _, seen := facts[id]; seen {
			continue
		}
		if facts[id] = j.known[id]; facts[id] == nil {
			unknown = append(unknown, id)
		}
	}
	j.mu.RUnlock()
	if len(unknown) == 0 {
		return facts, nil
	}
	found, err := j.store.LinkFacts(ctx, unknown)
	if err != nil {
		return nil, fmt.Errorf("read %d links: %w", len(unknown), err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.known)+len(found) > maxKnown {
		clear(j.known)
	}
	for id, f := range found {
		facts[id] = &fact{f, j.keys(f.Account, f.CampaignName)}
		j.known[id] = facts[id]
	}
	return facts, nil
}

// judgeOne judges a decoded click and completes its row; f is nil when its link does not exist. A reason says why it
// cannot be a row.
func judgeOne(row *storage.ClickRow, f *fact, floor int32, latest int64) (reason, detail string) {
	defer func() {
		if p := recover(); p != nil {
			reason, detail = "rejected", fmt.Sprintf("judging it panicked: %v", p)
		}
	}()
	c := &row.Click
	switch {
	case f == nil:
		return "unknown_link", fmt.Sprintf("there is no link %d", c.Link)
	case f.Account != c.Account || f.Campaign != c.Campaign || f.Ordinal != c.Ordinal || f.Domain != c.Domain:
		return "unknown_link", fmt.Sprintf("link %d is another one: account, campaign, ordinal or domain differ", c.Link)
	case c.ID.Day() < floor:
		return "expired", fmt.Sprintf("its day %d is below the retention floor %d", c.ID.Day(), floor)
	case c.ID.MS() > latest:
		return "bad_day", fmt.Sprintf("its time %s lies more than %s ahead", c.ID.Time().Format(time.RFC3339), maxAhead)
	}
	row.Token, row.Recipient = credit(c, f.keys)
	class, rule := label(c)
	row.Class, row.Rule = class, int16(rule)
	row.Rules = classify.Version
	return "", ""
}

// credit finds whom a click is to be credited to. Whoever opted out, and whoever a mangled token seems to name, is
// nobody.
func credit(c *click.Click, keys []link.CampaignKey) (storage.Token, string) {
	switch {
	case c.Flags&click.Private != 0:
		return storage.TokenPrivate, ""
	case c.Token == "":
		return storage.TokenNone, ""
	case c.Flags&(click.Tail|click.CutToken) != 0:
		return storage.TokenInvalid, ""
	}
	if recipient, ok := link.Verify(c.Token, keys...); ok {
		return storage.TokenValid, recipient
	}
	return storage.TokenInvalid, ""
}

// label says what is certain about who clicked, and by which rule.
func label(c *click.Click) (storage.Class, classify.Rule) {
	rule := classify.Machine(c)
	if rule == classify.None {
		return storage.Unknown, rule
	}
	return storage.Machine, rule
}

// Judge returns the rows and dead letters of one delivery, for a Lane that stores them one by one.
func (g *Ingest) Judge(ctx context.Context, d *queue.Delivery) (storage.Batch, error) {
	return g.judge.all(ctx, []*queue.Delivery{d})
}
