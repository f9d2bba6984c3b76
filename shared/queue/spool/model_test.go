package spool

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// The model of feeds and completeness: several processes over one disk, a broker that loses nothing, and a database that
// is a few maps, run into each other at random. What must hold at every moment: each click that was answered before T is
// counted, or a recorded gap names its time.
type model struct {
	t        *testing.T
	r        *rand.Rand
	disk     *disk
	mode     Mode
	through  int64 // T
	feeds    map[queue.FeedID]*modelFeed
	stored   map[click.ID]bool
	gaps     []Gap
	answered map[click.ID]modelClick
	missed   []modelClick // answered and refused by a full spool
	broker   []modelMessage
	alive    []*instance
	deaths   map[queue.FeedID]time.Time // when the process died that appended to the feed
	did      map[string]int
}

type modelFeed struct {
	state               int // 1 live, 2 signed off, 3 forgotten
	owner               *instance
	done, upto, counted int64
	end                 int64
	ranges              []queue.Message
	answered            map[uint64]int64
}

type modelClick struct {
	feed  queue.FeedID
	ms    int64
	wrote time.Time
}

type modelMessage struct {
	queue.Message
	ids []click.ID
}

type instance struct {
	p       *proc
	s       *Spool
	clock   *click.Clock
	adopted []*Feed
}

// RecordGap is the database's.
func (m *model) RecordGap(_ context.Context, g Gap) error {
	if m.r.IntN(8) == 0 {
		return errors.New("the database is away")
	}
	m.record(g)
	return nil
}

func (m *model) record(g Gap) {
	for i, old := range m.gaps {
		if old.Feed == g.Feed && old.Reason == g.Reason && old.FromMS == g.FromMS {
			m.gaps[i].ToMS = max(old.ToMS, g.ToMS)
			return
		}
	}
	m.gaps = append(m.gaps, g)
	m.did["gap "+g.Reason]++
}

func (m *model) step() {
	act := []func(*instance){m.append, m.append, m.deliver, m.deliver, m.deliver, m.tick, m.tick, m.adopt, m.pause, m.pause}
	switch n := m.r.IntN(40); {
	case len(m.alive) == 0 || n == 0 && len(m.alive) < 3:
		m.begin()
	case n == 1:
		m.kill(m.any())
	case n == 2:
		m.losePower()
	case n == 3:
		m.signOff(m.any())
	case n == 4:
		m.forget()
	case n < 14:
		m.commit()
	default:
		act[m.r.IntN(len(act))](m.any())
	}
	m.check()
}

func (m *model) any() *instance { return m.alive[m.r.IntN(len(m.alive))] }

func (m *model) begin() {
	i := &instance{p: m.disk.start(), clock: click.NewClock()}
	o := diskOptions(i.p)
	o.Mode, o.Gaps, o.Clock, o.SegmentBytes, o.MaxBytes = m.mode, m, i.clock, 1024, 6<<10
	var err error
	if i.s, err = Open(m.t.Context(), o); err != nil {
		m.t.Fatal(err)
	}
	m.alive = append(m.alive, i)
	m.register(i)
	m.did["open"]++
}

func (m *model) register(i *instance) {
	m.check()
	m.feeds[i.s.Live().ID()] = &modelFeed{state: 1, owner: i, upto: m.through, end: -1, answered: map[uint64]int64{}}
	i.clock.Raise(m.through)
}

func (m *model) append(i *instance) {
	for range 1 + m.r.IntN(15) {
		c := newClick(uint64(1 + m.r.IntN(2)))
		wrote, feed := time.Now(), i.s.Live().ID()
		switch err := i.s.Append(&c); {
		case err == nil:
			m.answered[c.ID] = modelClick{feed, c.ID.MS(), wrote}
		case errors.Is(err, ErrFull):
			m.missed = append(m.missed, modelClick{feed, c.ID.MS(), wrote})
		}
	}
}

// deliver takes a message to the broker. Sometimes its confirm is lost, so that it comes again.
func (m *model) deliver(i *instance) {
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Millisecond)
	defer cancel()
	d, err := i.s.Receive(ctx)
	if err != nil {
		return
	}
	if m.r.IntN(5) == 0 {
		d.Done(errors.New("nacked"))
		return
	}
	m.broker = append(m.broker, modelMessage{d.Message, idsOf(m.t, d)})
	if m.r.IntN(6) == 0 {
		m.did["lost confirm"]++
		d.Done(errors.New("the confirm was lost"))
		return
	}
	d.Done(nil)
}

// commit stores one of the broker's messages, in no order; sometimes it stays there and is stored again.
func (m *model) commit() {
	if len(m.broker) == 0 {
		return
	}
	n := m.r.IntN(len(m.broker))
	b := m.broker[n]
	for _, id := range b.ids {
		m.stored[id] = true
	}
	if f := m.feeds[b.Feed]; f != nil {
		f.ranges = append(f.ranges, b.Message)
	}
	if m.r.IntN(5) > 0 {
		m.broker = slices.Delete(m.broker, n, n+1)
	}
	m.did["commit"]++
}

// tick is what the feeds' keeper does each second.
func (m *model) tick(i *instance) {
	live := i.s.Live()
	if m.feeds[live.ID()].owner != i {
		if _, err := i.s.Renew(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
		m.register(i)
		m.did["renew"]++
		return
	}
	m.tell(live)
	i.adopted = slices.DeleteFunc(i.adopted, func(f *Feed) bool {
		m.tell(f)
		return f.Idle() && m.ends(f)
	})
}

func (m *model) tell(f *Feed) {
	if g, pending := f.Gap(); pending {
		m.record(g)
		f.GapRecorded(g)
	}
	c, row := f.Counts(), m.feeds[f.ID()]
	row.counted = max(row.counted, c.Pos)
	for campaign, n := range c.Answered {
		row.answered[campaign] = max(row.answered[campaign], n)
	}
	f.Counted(c.Pos)
}

func (m *model) ends(f *Feed) bool {
	row := m.feeds[f.ID()]
	if row.state == 1 {
		row.state = 2
	}
	row.end = max(row.end, row.counted, f.End())
	f.SignedOff()
	m.did["signed off"]++
	return true
}

func (m *model) adopt(i *instance) {
	feeds, err := i.s.Adopt(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	for _, f := range feeds {
		row := m.feeds[f.ID()]
		row.owner = i
		if row.state == 3 {
			for n := range m.gaps {
				if m.gaps[n].Feed == f.ID() && m.gaps[n].ToMS == 0 {
					m.gaps[n].ToMS = time.Now().UnixMilli()
				}
			}
		}
		if err := f.Recount(maps.Clone(row.answered), row.counted, max(row.end, row.counted)); err != nil {
			m.t.Fatal(err)
		}
		f.Deliver()
		i.adopted = append(i.adopted, f)
		m.did["adopt"]++
	}
}

func (m *model) pause(*instance) {
	time.Sleep(time.Duration(m.r.IntN(1200)) * time.Millisecond)
	synctest.Wait()
}

func (m *model) kill(i *instance) {
	m.deaths[i.s.Live().ID()] = time.Now()
	end(m.disk, i.p, i.s)
	m.alive = slices.DeleteFunc(m.alive, func(x *instance) bool { return x == i })
	m.did["kill"]++
}

// losePower ends all. What mode Kill may lose then is known to nobody: it is taken out, and was written in the last
// second. A note of a gap goes with it.
func (m *model) losePower() {
	for _, i := range slices.Clone(m.alive) {
		m.disk.mu.Lock()
		i.p.dead = true
		m.disk.mu.Unlock()
		m.kill(i)
	}
	m.disk.powerLoss(nil)
	m.missed = nil
	var left [][]byte
	for slot := range 100 {
		for _, node := range m.disk.files(dir+"/"+strconv.Itoa(slot), ".seg") {
			left = append(left, node.data)
		}
	}
	for id, c := range m.answered {
		if m.stored[id] || slices.ContainsFunc(left, func(b []byte) bool { return bytes.Contains(b, id[:]) }) {
			continue
		}
		age := m.deaths[c.feed].Sub(c.wrote)
		if slices.ContainsFunc(m.broker, func(b modelMessage) bool { return slices.Contains(b.ids, id) }) {
			if m.mode == Kill && age <= time.Second { // it will be counted, but its place in the feed is not known any more
				delete(m.answered, id)
				m.did["left in the broker only"]++
			}
			continue
		}
		delete(m.answered, id)
		m.did["lost in the last second"]++
		if m.mode == Power || age > time.Second {
			m.t.Errorf("a loss of power took what was written %s before its process died", age)
		}
	}
	m.did["power loss"]++
}

func (m *model) signOff(i *instance) {
	live := i.s.Live()
	if m.feeds[live.ID()].owner != i {
		return
	}
	live.Seal()
	for range 30 {
		m.deliver(i)
		m.tell(live)
		if live.Idle() {
			m.ends(live)
			break
		}
		m.pause(i)
	}
	m.kill(i)
}

func (m *model) forget() {
	for id, f := range m.feeds {
		if f.state != 1 || slices.Contains(m.alive, f.owner) {
			continue
		}
		f.advance()
		m.record(Gap{Feed: id, FromMS: f.upto, Reason: "forgotten"})
		f.ranges = append(f.ranges, queue.Message{From: f.done, To: f.counted, UptoMS: f.upto})
		f.state, f.owner = 3, nil
		m.did["forget"]++
		return
	}
}

func (f *modelFeed) advance() {
	slices.SortFunc(f.ranges, func(a, b queue.Message) int { return cmp.Compare(a.From, b.From) })
	for _, r := range f.ranges {
		if r.From > f.done {
			return
		}
		f.done, f.upto = max(f.done, r.To), max(f.upto, r.UptoMS)
	}
}

// check brings T up to date and looks for a click that it passed.
func (m *model) check() {
	t := time.Now().UnixMilli()
	for _, f := range m.feeds {
		if f.advance(); f.state == 1 || f.state == 2 && f.done < f.end {
			t = min(t, f.upto)
		}
	}
	m.through = max(m.through, t)
	for id, c := range m.answered {
		if !m.stored[id] && c.ms < m.through && !m.named(c) {
			m.t.Errorf("T is %d, and the click %s of feed %s (state %d) answered at %d is not counted", m.through, id, c.feed, m.feeds[c.feed].state, c.ms)
			m.t.Logf("mode %d, its feed %+v, gaps %+v, broker %v", m.mode, *m.feeds[c.feed], m.gaps, len(m.broker))
		}
	}
	for _, c := range m.missed {
		if c.ms < m.through && !m.named(c) {
			m.t.Errorf("T is %d, and no gap names the unrecorded click of %d", m.through, c.ms)
		}
	}
}

func (m *model) named(c modelClick) bool {
	return slices.ContainsFunc(m.gaps, func(g Gap) bool {
		return g.Feed == c.feed && g.FromMS <= c.ms && (g.ToMS == 0 || c.ms <= g.ToMS)
	})
}

// settle lets one last process take over everything: nothing may be stuck.
func (m *model) settle() {
	for _, i := range slices.Clone(m.alive) {
		m.kill(i)
	}
	m.begin()
	i := m.alive[0]
	for range 400 {
		m.adopt(i)
		m.deliver(i)
		m.tick(i)
		for len(m.broker) > 0 {
			m.commit()
		}
		if len(i.adopted) == 0 && i.s.Live().Idle() {
			break
		}
		m.pause(i)
	}
	if m.check(); len(i.adopted) > 0 {
		m.t.Errorf("%d feeds are never handed over", len(i.adopted))
	}
	for id, c := range m.answered {
		if !m.stored[id] && !m.named(c) {
			m.t.Errorf("the click %s was never counted", id)
		}
	}
	m.kill(i)
}

func TestCompletenessNeverPassesAnUncountedClick(t *testing.T) {
	const schedules = 1500
	seed := faultSeed()
	did, answered := map[string]int{}, 0
	for n := range schedules {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, uint64(n))) //nolint:gosec // a test's schedule
			m := &model{
				t: t, r: r, disk: newDisk(), mode: Mode(r.IntN(2)), feeds: map[queue.FeedID]*modelFeed{}, stored: map[click.ID]bool{},
				answered: map[click.ID]modelClick{}, deaths: map[queue.FeedID]time.Time{}, did: did,
			}
			for range 120 {
				if m.step(); t.Failed() {
					break
				}
			}
			if !t.Failed() {
				m.settle()
			}
			for _, i := range slices.Clone(m.alive) {
				m.kill(i)
			}
			answered += len(m.answered)
		})
		if t.Failed() {
			t.Logf("seed %d, schedule %d", seed, n)
			break
		}
	}
	t.Logf("seed %d, schedules %d, clicks %d, T passed an uncounted click 0 times: %v", seed, schedules, answered, did)
	t.Logf("row: T seed=%d struck=%d acked=%d lost=0 what=\"a model of redirectors, broker and database: %d kills, %d power losses, %d feeds forgotten, %d confirms lost\"",
		seed, did["kill"]+did["power loss"]+did["forget"]+did["lost confirm"], answered, did["kill"], did["power loss"], did["forget"], did["lost confirm"])
}
