package quarantine_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/click"
	"longtail/shared/ingest"
	"longtail/shared/queue"
	"longtail/shared/storage"
	"longtail/worker/internal/quarantine"
)

var _ ingest.Lane = (*quarantine.Lane)(nil)

// errKilled stands for the death of the worker: nothing that comes after it happens.
var errKilled = errors.New("killed")

// A store remembers rows, letters, ranges and attempts, and does harm when it is given certain clicks.
type store struct {
	rows, attempts map[click.ID]int
	dead           map[click.ID]string
	ranges         []storage.Range
	deadly, poison click.ID
	down           int // so many calls of Ingest fail first
	alone          bool
}

func newStore() *store {
	return &store{rows: map[click.ID]int{}, attempts: map[click.ID]int{}, dead: map[click.ID]string{}, alone: true}
}

func (s *store) Attempt(_ context.Context, ids []click.ID) (map[click.ID]int, error) {
	n := map[click.ID]int{}
	for _, id := range ids {
		s.attempts[id]++
		n[id] = s.attempts[id]
	}
	return n, nil
}

func (s *store) Stored(_ context.Context, _ uint64, ids []click.ID) (map[click.ID]bool, error) {
	found := map[click.ID]bool{}
	for _, id := range ids {
		if s.rows[id] > 0 {
			found[id] = true
		}
	}
	return found, nil
}

func (s *store) Ingest(_ context.Context, b storage.Batch) (storage.Outcome, error) {
	if s.down > 0 {
		s.down--
		return storage.Outcome{}, errors.New("database is down")
	}
	if len(b.Clicks)+len(b.Dead) > 1 {
		s.alone = false
	}
	for i := range b.Clicks {
		switch b.Clicks[i].Click.ID {
		case s.deadly:
			return storage.Outcome{}, errKilled
		case s.poison:
			return storage.Outcome{}, storage.ErrPoison
		}
	}
	for i := range b.Clicks { // all or none, and each once
		s.rows[b.Clicks[i].Click.ID] = 1
	}
	for _, l := range b.Dead {
		s.dead[click.ID(l.ID)] = l.Reason
	}
	s.ranges = append(s.ranges, b.Ranges...)
	return storage.Outcome{}, nil
}

// judge makes a row of each click, and panics over one of link 13.
func judge(_ context.Context, d *queue.Delivery) (b storage.Batch, err error) {
	if d.Feed != (queue.FeedID{}) {
		b.Ranges = []storage.Range{{Feed: d.Feed, From: d.From, To: d.To, UptoMS: d.UptoMS}}
	}
	for rest := d.Frames; len(rest) > 0; {
		payload, size, err := click.Next(rest)
		if err != nil {
			b.Dead = append(b.Dead, storage.DeadLetter{ID: [16]byte{1}, Reason: "undecodable", Body: rest})
			break
		}
		c, err := click.Decode(payload)
		if err != nil {
			return b, err
		}
		if c.Link == 13 {
			panic("thirteen")
		}
		b.Clicks, rest = append(b.Clicks, storage.ClickRow{Click: c, Feed: d.Feed}), rest[size:]
	}
	return b, nil
}

func lane(s *store) *quarantine.Lane {
	return quarantine.New(quarantine.Options{
		Store: s, Judge: judge, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
}

func message(links ...uint64) (queue.Message, []click.ID) {
	m := queue.Message{Feed: queue.FeedID{9}, From: 100, UptoMS: 5}
	var ids []click.ID
	for _, link := range links {
		c := click.Click{ID: click.NewID(1_764_000_000_000), Link: link, Campaign: 1 + link%2, Method: click.GET}
		ids = append(ids, c.ID)
		m.Frames = click.AppendFrame(m.Frames, &c)
	}
	m.Clicks, m.To = len(links), m.From+int64(len(m.Frames))
	return m, ids
}

func deliver(m queue.Message, attempt int) *queue.Delivery {
	return queue.NewDelivery(m, attempt, func(error) {})
}

func TestADeadlyClickIsFoundAndItsNeighboursAreStored(t *testing.T) {
	s := newStore()
	m, ids := message(1, 2, 3, 4, 5)
	s.deadly = ids[2]
	deaths := 0
	for attempt := ingest.QuarantineFrom; ; attempt++ {
		err := lane(s).Quarantine(t.Context(), deliver(m, attempt)) // a new worker each time
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		if deaths++; deaths > quarantine.LastAttempt+quarantine.WholeAttempts {
			t.Fatal("the deadly click is tried for ever")
		}
		if deaths == quarantine.WholeAttempts {
			s.alone = true // from now on
		}
	}
	if want := quarantine.WholeAttempts + quarantine.LastAttempt - 1; deaths != want {
		t.Errorf("the worker died %d times, want %d", deaths, want)
	}
	for i, id := range ids {
		if i != 2 && (s.rows[id] != 1 || s.attempts[id] != 1) {
			t.Errorf("click %d: stored %d times at attempt %d, want once at the first", i, s.rows[id], s.attempts[id])
		}
	}
	if len(s.dead) != 1 || s.dead[ids[2]] != "suspect" {
		t.Errorf("dead letters %v, want the deadly click as suspect", s.dead)
	}
	if len(s.ranges) != 1 || s.ranges[0] != (storage.Range{Feed: m.Feed, From: m.From, To: m.To, UptoMS: m.UptoMS}) {
		t.Errorf("ranges %+v, want the message's, once, at the end", s.ranges)
	}
	if !s.alone {
		t.Error("clicks were tried in company")
	}
}

func TestAStoreThatIsAwayIsNoAttempt(t *testing.T) {
	s := newStore()
	s.down = 20
	m, ids := message(1, 2)
	l, d := lane(s), deliver(m, 3)
	tries := 0
	for l.Quarantine(t.Context(), d) != nil {
		if tries++; tries > 100 {
			t.Fatal("it never comes to an end")
		}
	}
	if tries != 20 || len(s.attempts) != 1 || s.attempts[ids[0]] != 0 || s.rows[ids[0]] != 1 || s.rows[ids[1]] != 1 || len(s.dead) > 0 {
		t.Errorf("after %d outages: attempts %v, rows %v, dead %v; want one attempt of the message and one row each", tries, s.attempts, s.rows, s.dead)
	}
}

func TestWhatCannotBeStoredIsSetAsideWithItsReason(t *testing.T) {
	s := newStore()
	m, ids := message(1, 13, 2, 4)
	s.poison = ids[2]
	m.Frames = append(m.Frames, "no frame at all"...)
	if err := lane(s).Quarantine(t.Context(), deliver(m, 3)); err != nil {
		t.Fatal(err)
	}
	want := map[click.ID]string{ids[1]: "rejected", ids[2]: "rejected", {1}: "undecodable"}
	if len(s.dead) != len(want) || s.rows[ids[0]] != 1 || s.rows[ids[3]] != 1 {
		t.Errorf("rows %v, dead %v; want two and three", s.rows, s.dead)
	}
	for id, reason := range want {
		if s.dead[id] != reason {
			t.Errorf("click %v is dead for %q, want %q", id, s.dead[id], reason)
		}
	}
}

func TestAStoredClickIsNeverSetAside(t *testing.T) {
	s := newStore()
	m, ids := message(1)
	s.rows[ids[0]], s.attempts[ids[0]] = 1, 40
	if err := lane(s).Quarantine(t.Context(), deliver(m, 9)); err != nil {
		t.Fatal(err)
	}
	if len(s.dead) != 0 || s.rows[ids[0]] != 1 || len(s.ranges) != 1 {
		t.Errorf("rows %v, dead %v, ranges %v; want only the range noted", s.rows, s.dead, s.ranges)
	}
}

func TestAMessageWithoutAFeedHasNoRange(t *testing.T) {
	s := newStore()
	m, _ := message(1)
	m.Feed = queue.FeedID{}
	if err := lane(s).Quarantine(t.Context(), deliver(m, 3)); err != nil {
		t.Fatal(err)
	}
	if len(s.ranges) != 0 || len(s.rows) != 1 {
		t.Errorf("rows %v, ranges %v; want a row and no range", s.rows, s.ranges)
	}
}

// Workers that are killed while a click waits for the chosen rate have not tried it.
func TestWaitingForThePaceIsNoAttempt(t *testing.T) {
	s := newStore()
	m, ids := message(1)
	waiting := func(context.Context, int) (int, error) { return 0, errKilled }
	for attempt := ingest.QuarantineFrom; attempt < ingest.QuarantineFrom+2*quarantine.LastAttempt; attempt++ {
		l := quarantine.New(quarantine.Options{
			Store: s, Judge: judge, Pace: waiting, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		if err := l.Quarantine(t.Context(), deliver(m, attempt)); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	if err := lane(s).Quarantine(t.Context(), deliver(m, 30)); err != nil {
		t.Fatal(err)
	}
	if s.rows[ids[0]] != 1 || s.attempts[ids[0]] > 1 || len(s.dead) != 0 {
		t.Errorf("rows %v, attempts %v, dead %v; want one row at the first attempt", s.rows, s.attempts, s.dead)
	}
}

// A good message that was only in hand when something died passes in one piece, at the given pace.
func TestAGoodMessagePassesAsAWhole(t *testing.T) {
	s := newStore()
	m, ids := message(1, 2, 3, 4, 5)
	grants := []int{2, 3}
	l := quarantine.New(quarantine.Options{
		Store: s, Judge: judge, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Pace: func(_ context.Context, want int) (n int, err error) {
			n, grants = min(want, grants[0]), grants[1:]
			return n, nil
		},
	})
	if err := l.Quarantine(t.Context(), deliver(m, 3)); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if s.rows[id] != 1 || s.attempts[id] != 0 {
			t.Errorf("click %d: stored %d times, %d attempts of its own; want one, and none", i, s.rows[id], s.attempts[id])
		}
	}
	if len(s.ranges) != 1 || s.ranges[0].To != m.To || len(grants) != 0 || len(s.attempts) != 1 {
		t.Errorf("ranges %+v, grants left %v, attempts %v; want the message's range and one attempt", s.ranges, grants, s.attempts)
	}
}
