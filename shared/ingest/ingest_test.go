package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

// memory is a Store that keeps what it is given, refuses the clicks it is told to refuse, and can be away.
type memory struct {
	mu      sync.Mutex
	rows    map[click.ID]storage.ClickRow
	dead    map[[16]byte]storage.DeadLetter
	ranges  []storage.Range
	refuse  map[click.ID]bool
	away    int // so many calls fail before one succeeds
	largest int
}

func newMemory() *memory {
	return &memory{rows: map[click.ID]storage.ClickRow{}, dead: map[[16]byte]storage.DeadLetter{}, refuse: map[click.ID]bool{}}
}

func (m *memory) Ingest(_ context.Context, b storage.Batch) (storage.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away > 0 {
		m.away--
		return storage.Outcome{}, errors.New("connection refused")
	}
	for i := range b.Clicks {
		if m.refuse[b.Clicks[i].Click.ID] {
			return storage.Outcome{}, fmt.Errorf("row %d: %w", i, storage.ErrPoison)
		}
	}
	m.largest = max(m.largest, len(b.Clicks))
	var out storage.Outcome
	for _, row := range b.Clicks {
		if _, there := m.rows[row.Click.ID]; there {
			out.Duplicate++
			continue
		}
		m.rows[row.Click.ID] = row
		out.Inserted++
	}
	for _, d := range b.Dead {
		m.dead[d.ID] = d
	}
	m.ranges = append(m.ranges, b.Ranges...)
	return out, nil
}

func (m *memory) LinkFacts(_ context.Context, ids []uint64) (map[uint64]storage.LinkFact, error) {
	facts := map[uint64]storage.LinkFact{}
	for _, id := range ids {
		if id <= 10 {
			facts[id] = storage.LinkFact{Account: 1, Campaign: 7, CampaignName: "spring", Domain: 1, Ordinal: uint32(id)}
		}
	}
	return facts, nil
}

func (m *memory) RetentionFloor(context.Context) (int32, error) { return 20200101, nil }

func (m *memory) AnonymizeErased(_ context.Context, b storage.Batch) error {
	for i := range b.Clicks {
		if b.Clicks[i].Recipient == "erased" {
			b.Clicks[i].Recipient, b.Clicks[i].Token = "", storage.TokenPrivate
		}
	}
	return nil
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func keys(account uint32, campaign string) []link.CampaignKey {
	return []link.CampaignKey{link.NewCampaignKey(secret, account, campaign)}
}

// pipe is a Source over a channel that delivers again what comes back.
type pipe struct{ c chan *queue.Delivery }

func (p *pipe) Receive(ctx context.Context) (*queue.Delivery, error) {
	select {
	case d, open := <-p.c:
		if !open {
			return nil, queue.ErrClosed
		}
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newClick(linkID uint64) click.Click {
	return click.Click{
		ID: click.NewID(time.Now().UnixMilli()), Link: linkID, Ordinal: uint32(linkID), Account: 1, Campaign: 7, Domain: 1, Method: click.GET,
	}
}

func message(from int64, clicks ...click.Click) queue.Message {
	m := queue.Message{Feed: queue.FeedID{1}, From: from, UptoMS: 1, Clicks: len(clicks)}
	for i := range clicks {
		m.Frames = click.AppendFrame(m.Frames, &clicks[i])
	}
	m.To = from + int64(len(m.Frames))
	return m
}

func newIngest(t *testing.T, s Store, change func(*Options)) *Ingest {
	t.Helper()
	o := Options{
		Store: s, Keys: keys, BatchSize: 1000, BatchAge: 20 * time.Millisecond, Window: func() int { return 64 },
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&o)
	}
	return New(o)
}

// run gives the messages to an Ingest and waits until each is Done(nil).
func run(t *testing.T, g *Ingest, messages ...queue.Message) {
	t.Helper()
	p := &pipe{c: make(chan *queue.Delivery)}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx, p) }()
	var open sync.WaitGroup
	for _, m := range messages {
		open.Add(1)
		p.c <- queue.NewDelivery(m, 1, func(err error) {
			if err != nil {
				t.Errorf("handed back: %v", err)
			}
			open.Done()
		})
	}
	open.Wait()
	close(p.c)
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestEveryClickIsARowOrADeadLetter(t *testing.T) {
	s := newMemory()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var messages []queue.Message
	total, poison := 0, 0
	for from := int64(0); len(messages) < 200; {
		var clicks []click.Click
		for range 1 + random.IntN(40) {
			c := newClick(1 + random.Uint64N(12)) // 11 and 12 do not exist
			if random.IntN(50) == 0 && c.Link <= 10 {
				s.refuse[c.ID] = true
				poison++
			}
			clicks = append(clicks, c)
		}
		m := message(from, clicks...)
		from = m.To
		total += len(clicks)
		messages = append(messages, m)
	}
	run(t, newIngest(t, s, nil), messages...)
	if len(s.rows)+len(s.dead) != total {
		t.Errorf("%d clicks became %d rows and %d dead letters", total, len(s.rows), len(s.dead))
	}
	rejected := 0
	for id, d := range s.dead {
		if d.Reason == "rejected" {
			rejected++
		}
		if _, both := s.rows[click.ID(id)]; both {
			t.Errorf("%x is a row and a dead letter", id)
		}
	}
	if rejected != poison || poison == 0 {
		t.Errorf("%d clicks were refused, %d rejected", poison, rejected)
	}
	if len(s.ranges) < len(messages) {
		t.Errorf("%d ranges for %d messages", len(s.ranges), len(messages))
	}
	t.Logf("%d clicks, %d rows, %d dead letters (%d refused by the store)", total, len(s.rows), len(s.dead), rejected)
}

func TestAnOutageIsWaitedFor(t *testing.T) {
	s := newMemory()
	s.away = 3
	run(t, newIngest(t, s, nil), message(0, newClick(1), newClick(2)))
	if len(s.rows) != 2 || s.away != 0 {
		t.Errorf("%d rows, %d outages left", len(s.rows), s.away)
	}
}

func TestAnOutageThatLastsHandsBack(t *testing.T) {
	s := newMemory()
	s.away = 1 << 30
	g := newIngest(t, s, func(o *Options) { o.HandBack = 50 * time.Millisecond })
	p := &pipe{c: make(chan *queue.Delivery, 1)}
	back := make(chan error, 1)
	p.c <- queue.NewDelivery(message(0, newClick(1)), 1, func(err error) { back <- err })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx, p) }()
	if err := <-back; !errors.Is(err, errHandBack) {
		t.Errorf("Done(%v)", err)
	}
	cancel()
	<-ended
}

// steps grants a few rows at a time and counts its grants.
type steps struct{ grants int }

func (s *steps) Grant(_ context.Context, want int) (int, error) {
	s.grants++
	return min(want, 3), nil
}

func TestAPaceSplitsABatchAndTheRangeComesLast(t *testing.T) {
	s, pace := newMemory(), &steps{}
	var clicks []click.Click
	for range 20 {
		clicks = append(clicks, newClick(1))
	}
	run(t, newIngest(t, s, func(o *Options) { o.Pace = pace }), message(0, clicks...))
	if len(s.rows) != 20 || s.largest != 3 || pace.grants != 7 || len(s.ranges) != 1 {
		t.Errorf("%d rows, largest transaction %d, %d grants, %d ranges", len(s.rows), s.largest, pace.grants, len(s.ranges))
	}
}

func TestWhatIsNoClickIsADeadLetter(t *testing.T) {
	s := newMemory()
	good := message(0, newClick(1))
	garbage := good
	garbage.Frames = append(append([]byte{}, good.Frames...), "not a frame at all"...)
	run(t, newIngest(t, s, nil), garbage, queue.Message{Frames: []byte{1, 2, 3}})
	if len(s.rows) != 1 || len(s.dead) != 2 {
		t.Errorf("%d rows, %d dead letters", len(s.rows), len(s.dead))
	}
}

func TestJudgement(t *testing.T) {
	key := link.NewCampaignKey(secret, 1, "spring")
	other := link.NewCampaignKey(secret, 1, "autumn")
	now := time.Now()
	cases := map[string]struct {
		change    func(*click.Click)
		token     storage.Token
		recipient string
		class     storage.Class
		reason    string
	}{
		"no token":          {func(*click.Click) {}, storage.TokenNone, "", storage.Unknown, ""},
		"valid":             {func(c *click.Click) { c.Token = key.Token("r-1") }, storage.TokenValid, "r-1", storage.Unknown, ""},
		"upper case":        {func(c *click.Click) { c.Token = "R-1." + key.Tag("r-1") }, storage.TokenValid, "r-1", storage.Unknown, ""},
		"tail":              {func(c *click.Click) { c.Token, c.Flags = key.Token("r-1"), click.Tail }, storage.TokenInvalid, "", storage.Unknown, ""},
		"cut":               {func(c *click.Click) { c.Token = key.Token("r-1")[:20] }, storage.TokenInvalid, "", storage.Unknown, ""},
		"of another":        {func(c *click.Click) { c.Token = other.Token("r-1") }, storage.TokenInvalid, "", storage.Unknown, ""},
		"private":           {func(c *click.Click) { c.Flags = click.Private }, storage.TokenPrivate, "", storage.Unknown, ""},
		"prefetch":          {func(c *click.Click) { c.Flags = click.Prefetch }, storage.TokenNone, "", storage.Machine, ""},
		"link unknown":      {func(c *click.Click) { c.Link = 11 }, 0, "", 0, "unknown_link"},
		"link of another":   {func(c *click.Click) { c.Campaign = 8 }, 0, "", 0, "unknown_link"},
		"below the floor":   {func(c *click.Click) { c.ID = click.NewID(0) }, 0, "", 0, "expired"},
		"ten years ahead":   {func(c *click.Click) { c.ID = click.NewID(now.AddDate(10, 0, 0).UnixMilli()) }, 0, "", 0, "bad_day"},
		"end of 48-bit age": {func(c *click.Click) { c.ID = click.NewID(1<<48 - 1) }, 0, "", 0, "bad_day"},
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			c := newClick(1)
			want.change(&c)
			g := newIngest(t, newMemory(), nil)
			b, err := g.Judge(t.Context(), queue.NewDelivery(message(0, c), 1, func(error) {}))
			if err != nil {
				t.Fatal(err)
			}
			if want.reason != "" {
				if len(b.Clicks) != 0 || len(b.Dead) != 1 || b.Dead[0].Reason != want.reason {
					t.Fatalf("rows %v, dead %v; want one dead letter %q", b.Clicks, b.Dead, want.reason)
				}
				return
			}
			if len(b.Clicks) != 1 {
				t.Fatalf("dead letters: %v", b.Dead)
			}
			if row := b.Clicks[0]; row.Token != want.token || row.Recipient != want.recipient || row.Class != want.class {
				t.Errorf("token %d recipient %q class %d", row.Token, row.Recipient, row.Class)
			}
		})
	}
}

// Who was erased while a click was on its way is not named by what is stored of it.
func TestErasedRecipientsAreNotStored(t *testing.T) {
	s := newMemory()
	key := link.NewCampaignKey(secret, 1, "spring")
	gone, stays := newClick(1), newClick(2)
	gone.Token, stays.Token = key.Token("erased"), key.Token("ben")
	run(t, newIngest(t, s, nil), message(0, gone, stays))
	if r := s.rows[gone.ID]; r.Token != storage.TokenPrivate || r.Recipient != "" {
		t.Errorf("%+v", r)
	}
	if r := s.rows[stays.ID]; r.Token != storage.TokenValid || r.Recipient != "ben" {
		t.Errorf("%+v", r)
	}
}

// What is tuned holds for a batch that is begun already.
func TestSetBatch(t *testing.T) {
	s := newMemory()
	g := newIngest(t, s, func(o *Options) { o.BatchAge = time.Hour })
	g.SetBatch(2, time.Hour)
	run(t, g, message(0, newClick(1)), message(100, newClick(2)))
	g.SetBatch(1000, time.Millisecond)
	run(t, g, message(200, newClick(1)))
	if len(s.rows) != 3 {
		t.Errorf("%d rows", len(s.rows))
	}
}
