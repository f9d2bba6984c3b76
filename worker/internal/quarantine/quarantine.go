// Package quarantine tries a message that was delivered too often. What is tried is noted in the database before: first
// the message as a whole, twice at most, since most of them only happened to be in hand when something died; then its
// clicks, one at a time. So a click that kills the worker, however it does that, is found by its number of attempts and
// set aside, and its neighbours are stored.
//
// Place on the click's way: beside ingest, which hands over what comes for the third time. A click that was only near
// a crash is set aside at worst: maintain tries it again, alone, and then it is stored.
package quarantine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"longtail/shared/click"
	"longtail/shared/queue"
	"longtail/shared/storage"
)

const (
	// LastAttempt is the attempt at which a click is set aside instead of tried.
	LastAttempt = 5
	// WholeAttempts is how often a message is tried as a whole before its clicks are tried alone. These tries count
	// for none of its clicks: after a crash of everything, good messages pass as fast as they came.
	WholeAttempts = 2
)

// A Store keeps clicks and how often each was tried.
type Store interface {
	// Attempt adds one to each id's attempts, durably, and returns the new numbers. An id is a click's, or the hash of a
	// message.
	Attempt(ctx context.Context, ids []click.ID) (map[click.ID]int, error)
	// Stored tells which events of a campaign are rows already.
	Stored(ctx context.Context, campaign uint64, ids []click.ID) (map[click.ID]bool, error)
	// Ingest makes a batch durable in one transaction; its error wraps storage.ErrPoison when the clicks are why.
	Ingest(ctx context.Context, b storage.Batch) (storage.Outcome, error)
}

// Options configure a Lane. All but Pace are required.
type Options struct {
	Store Store
	// Judge turns a delivery into rows and dead letters: (*ingest.Ingest).Judge.
	Judge func(ctx context.Context, d *queue.Delivery) (storage.Batch, error)
	// Pace waits until a row may be inserted; nil = no limit.
	Pace       func(ctx context.Context, want int) (int, error)
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// A Lane is the quarantine of one worker. All its consumers share it, and it handles one message at a time.
type Lane struct {
	o        Options
	log      *slog.Logger
	messages prometheus.Counter
	suspects prometheus.Counter
	turn     chan struct{} // capacity 1: whoever put something in is at work

	// Of the messages that were begun, by the click's id. A try that the store could not take is repeated without
	// another attempt: only a new delivery makes one.
	begun map[*queue.Delivery]map[click.ID]int
}

// maxBegun bounds the messages that were begun. Those that were handed back are forgotten with the others when there
// are more: a click whose message is really tried again has one attempt too many then.
const maxBegun = 1000

// New returns a Lane.
func New(o Options) *Lane {
	l := &Lane{
		o: o, log: o.Log.With("component", "quarantine"), turn: make(chan struct{}, 1), begun: map[*queue.Delivery]map[click.ID]int{},
		messages: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "longtail_quarantine_messages_total", Help: "Messages that came too often and were tried with care."}),
		suspects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "longtail_quarantine_suspects_total", Help: "Clicks set aside because something dies whenever they are tried."}),
	}
	o.Registerer.MustRegister(l.messages, l.suspects)
	return l
}

// Quarantine makes every click of the message durable as a row or a dead letter, one at a time, and the message's
// range after the last. It returns nil when all are; an error means that the store did not take one, or that ctx ended:
// it may be called again with the same delivery and goes on where it was. It waits for its turn.
func (l *Lane) Quarantine(ctx context.Context, d *queue.Delivery) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.begun[d] == nil {
		if len(l.begun) >= maxBegun {
			clear(l.begun)
		}
		l.begun[d] = map[click.ID]int{}
		l.messages.Inc()
		l.log.Warn("message came too often, it is tried with care", "feed", d.Feed, "from", d.From, "attempt", d.Attempt)
	}
	done, err := l.whole(ctx, d)
	if !done && err == nil {
		err = l.alone(ctx, d)
	}
	if err != nil {
		return err
	}
	delete(l.begun, d)
	return nil
}

// alone tries the message's clicks one at a time and notes its range after the last.
func (l *Lane) alone(ctx context.Context, d *queue.Delivery) error {
	frames := split(d.Frames)
	stored, err := l.stored(ctx, frames)
	if err != nil {
		return err
	}
	for i := range frames {
		if stored[frames[i].id] {
			continue
		}
		if err := l.try(ctx, d, &frames[i]); err != nil {
			return fmt.Errorf("click %d of %d in quarantine: %w", i+1, len(frames), err)
		}
	}
	if d.Feed != (queue.FeedID{}) {
		covered := storage.Range{Feed: d.Feed, From: d.From, To: d.To, UptoMS: d.UptoMS}
		if _, err := l.o.Store.Ingest(ctx, storage.Batch{Ranges: []storage.Range{covered}}); err != nil {
			return fmt.Errorf("note the range of a message in quarantine: %w", err)
		}
	}
	return nil
}

// stored tells which of the clicks are rows already: those are neither tried nor set aside.
func (l *Lane) stored(ctx context.Context, frames []frame) (map[click.ID]bool, error) {
	campaigns := map[uint64][]click.ID{}
	for i := range frames {
		if frames[i].err == nil {
			campaigns[frames[i].click.Campaign] = append(campaigns[frames[i].click.Campaign], frames[i].id)
		}
	}
	all := map[click.ID]bool{}
	for campaign, ids := range campaigns {
		found, err := l.o.Store.Stored(ctx, campaign, ids)
		if err != nil {
			return nil, fmt.Errorf("look for clicks in quarantine: %w", err)
		}
		maps.Copy(all, found)
	}
	return all, nil
}

// try makes one click durable, or sets it aside when it was tried too often.
func (l *Lane) try(ctx context.Context, d *queue.Delivery, f *frame) error {
	// It waits for its turn before it is counted: a worker that ends while it waits has tried nothing.
	if l.o.Pace != nil && f.err == nil {
		if _, err := l.o.Pace(ctx, 1); err != nil {
			return err
		}
	}
	n, err := l.note(ctx, d, f.id)
	if err != nil {
		return err
	}
	if n >= LastAttempt {
		l.suspects.Inc()
		l.log.Error("click is set aside: something died whenever it was tried", "event", f.id, "attempts", n)
		return l.ingest(ctx, storage.Batch{Dead: []storage.DeadLetter{
			letter(d, f, "suspect", fmt.Sprintf("the worker died at each of %d attempts", n-1))}})
	}
	b, err := l.judge(ctx, d, f)
	if err != nil {
		return err
	}
	err = l.ingest(ctx, b)
	if errors.Is(err, storage.ErrPoison) {
		return l.ingest(ctx, storage.Batch{Dead: []storage.DeadLetter{letter(d, f, "rejected", err.Error())}})
	}
	return err
}

// note counts a try before it is made, once for each delivery, and returns the number of tries with this one.
func (l *Lane) note(ctx context.Context, d *queue.Delivery, id click.ID) (int, error) {
	if n, counted := l.begun[d][id]; counted {
		return n, nil
	}
	numbers, err := l.o.Store.Attempt(ctx, []click.ID{id})
	if err != nil {
		return 0, fmt.Errorf("note the attempt: %w", err)
	}
	l.begun[d][id] = numbers[id]
	return numbers[id], nil
}

// judge judges the click as a message of its own, without a range. What panics is set aside.
func (l *Lane) judge(ctx context.Context, d *queue.Delivery, f *frame) (b storage.Batch, err error) {
	defer func() {
		if p := recover(); p != nil {
			b = storage.Batch{Dead: []storage.DeadLetter{letter(d, f, "rejected", fmt.Sprintf("judging it panicked: %v", p))}}
			err = nil
		}
	}()
	alone := queue.NewDelivery(queue.Message{Feed: d.Feed, Frames: f.body, Clicks: 1}, d.Attempt, func(error) {})
	b, err = l.o.Judge(ctx, alone)
	b.Ranges = nil
	return b, err
}

func (l *Lane) ingest(ctx context.Context, b storage.Batch) error {
	_, err := l.o.Store.Ingest(ctx, b)
	return err
}

// letter files one click under its id.
func letter(d *queue.Delivery, f *frame, reason, detail string) storage.DeadLetter {
	return storage.DeadLetter{
		ID: f.id, AtMS: time.Now().UnixMilli(), Reason: reason, Detail: detail, Account: f.click.Account,
		Campaign: f.click.Campaign, Feed: d.Feed, Counts: f.err == nil && f.click.Counts(), Body: f.body,
	}
}
