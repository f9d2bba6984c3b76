// Package queuetest is the suite that every queue.Source passes: what the next keeper may rely on, whether it stands
// behind the spool or behind RabbitMQ.
//
// Place on the click's way: at each hand-over, in tests only.
package queuetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// Features say what a source can do besides the contract.
type Features struct {
	Window       int           // messages delivered and not Done, at most
	OneFeed      bool          // all is of one feed and comes in the order of its offsets
	CountAttempt bool          // Attempt grows with each redelivery
	Patience     time.Duration // the longest wait for a delivery; 0 = 10 s
}

// A Queue is a fresh, empty queue under test.
type Queue struct {
	Source queue.Source
	// Put gives the queue clicks to deliver; it returns when they are kept.
	Put func(t *testing.T, clicks []click.Click)
	// Close closes the source.
	Close func() error
}

// Run runs the suite. open returns a queue that the test closes.
func Run(t *testing.T, f Features, open func(t *testing.T) Queue) {
	t.Helper()
	if f.Patience == 0 {
		f.Patience = 10 * time.Second
	}
	for name, test := range map[string]func(*suite){
		"delivers each click once while all goes well": (*suite).deliversAll,
		"messages are bounded and of whole frames":     (*suite).bounds,
		"no more than the window is in flight":         (*suite).window,
		"what is handed back comes again":              (*suite).redelivers,
		"only the first Done counts":                   (*suite).firstDone,
		"Done in any order and from anywhere":          (*suite).anyOrder,
		"ends with its context":                        (*suite).context,
		"says that it is closed":                       (*suite).closed,
	} {
		t.Run(name, func(t *testing.T) {
			q := open(t)
			t.Cleanup(func() { _ = q.Close() }) // once more after a test's own Close is no error worth telling
			test(&suite{t, f, q})
		})
	}
}

type suite struct {
	*testing.T
	f Features
	q Queue
}

// clicks makes n clicks that are told apart by their link.
func clicks(n int) []click.Click {
	all := make([]click.Click, n)
	for i := range all {
		all[i] = click.Click{Link: uint64(i + 1), Account: 1, Campaign: 1, Domain: 1, Method: click.GET, UserAgent: "queuetest"}
	}
	return all
}

// next returns the next delivery that holds clicks.
func (s *suite) next() *queue.Delivery {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), s.f.Patience)
	defer cancel()
	for {
		d, err := s.q.Source.Receive(ctx)
		if err != nil {
			s.Fatalf("receive: %v", err)
		}
		if len(d.Frames) > 0 {
			return d
		}
		d.Done(nil)
	}
}

// links reads a message's links, one for each click.
func (s *suite) links(d *queue.Delivery) (links []uint64) {
	s.Helper()
	for _, c := range s.clicks(d) {
		links = append(links, c.Link)
	}
	return links
}

// clicks reads a message's clicks.
func (s *suite) clicks(d *queue.Delivery) (clicks []click.Click) {
	s.Helper()
	for rest := d.Frames; len(rest) > 0; {
		payload, size, err := click.Next(rest)
		if err != nil {
			s.Fatalf("a message does not hold whole frames: %v", err)
		}
		c, err := click.Decode(payload)
		if err != nil {
			s.Fatal(err)
		}
		clicks, rest = append(clicks, c), rest[size:]
	}
	return clicks
}

// take receives until n different clicks were seen, and tells how often each was.
func (s *suite) take(n int, done func(*queue.Delivery)) map[uint64]int {
	s.Helper()
	seen := map[uint64]int{}
	for len(seen) < n {
		d := s.next()
		for _, link := range s.links(d) {
			seen[link]++
		}
		done(d)
	}
	return seen
}

func (s *suite) deliversAll() {
	s.q.Put(s.T, clicks(1500))
	var last queue.Message
	seen := s.take(1500, func(d *queue.Delivery) {
		if s.f.OneFeed && (d.Feed != last.Feed && last.To > 0 || d.From < last.To || d.UptoMS < last.UptoMS) {
			s.Errorf("[%d, %d) upto %d follows [%d, %d) upto %d", d.From, d.To, d.UptoMS, last.From, last.To, last.UptoMS)
		}
		for _, c := range s.clicks(d) {
			if s.f.OneFeed && c.ID.MS() < last.UptoMS {
				s.Errorf("a click of %d stands behind a message of upto %d", c.ID.MS(), last.UptoMS)
			}
		}
		last = d.Message
		d.Done(nil)
	})
	for link, n := range seen {
		if n != 1 {
			s.Errorf("click %d came %d times", link, n)
		}
	}
}

func (s *suite) bounds() {
	s.q.Put(s.T, clicks(1500))
	s.take(1500, func(d *queue.Delivery) {
		n := len(s.links(d))
		if n > queue.MaxClicks || len(d.Frames) > queue.MaxBytes && n > 1 || d.To-d.From < int64(len(d.Frames)) {
			s.Errorf("%d clicks, %d bytes, range [%d, %d)", n, len(d.Frames), d.From, d.To)
		}
		if d.Clicks != 0 && d.Clicks != n {
			s.Errorf("message says %d clicks and holds %d", d.Clicks, n)
		}
		d.Done(nil)
	})
}

func (s *suite) window() {
	s.q.Put(s.T, clicks(queue.MaxClicks*(s.f.Window+2)))
	held := make([]*queue.Delivery, s.f.Window)
	for i := range held {
		held[i] = s.next()
	}
	ctx, cancel := context.WithTimeout(s.Context(), 200*time.Millisecond)
	defer cancel()
	if d, err := s.q.Source.Receive(ctx); err == nil {
		s.Errorf("[%d, %d) came beyond a window of %d", d.From, d.To, s.f.Window)
	}
	held[0].Done(nil)
	s.next().Done(nil)
}

func (s *suite) redelivers() {
	s.q.Put(s.T, clicks(600))
	first := s.next()
	first.Done(errors.New("not now"))
	again := s.next()
	for tries := 0; again.From != first.From; tries++ {
		if again.Done(nil); tries == 100 {
			s.Fatal("what was handed back does not come again")
		}
		again = s.next()
	}
	if again.Feed != first.Feed || again.To != first.To || !bytes.Equal(again.Frames, first.Frames) {
		s.Errorf("[%d, %d) came again as [%d, %d)", first.From, first.To, again.From, again.To)
	}
	if s.f.CountAttempt && (first.Attempt != 1 || again.Attempt != 2) {
		s.Errorf("attempts %d and %d", first.Attempt, again.Attempt)
	}
	again.Done(nil)
}

func (s *suite) firstDone() {
	s.q.Put(s.T, clicks(1))
	d := s.next()
	d.Done(nil)
	d.Done(errors.New("too late"))
	s.q.Put(s.T, clicks(2)[1:])
	if got := s.links(s.next()); len(got) != 1 || got[0] != 2 {
		s.Errorf("after a click was let go, %v came", got)
	}
}

func (s *suite) anyOrder() {
	n := queue.MaxClicks * s.f.Window
	s.q.Put(s.T, clicks(n))
	var held []*queue.Delivery
	finish := func() {
		for _, d := range slices.Backward(held) {
			go d.Done(nil)
		}
		held = nil
	}
	seen := s.take(n, func(d *queue.Delivery) {
		if held = append(held, d); len(held) == s.f.Window {
			finish()
		}
	})
	finish()
	for link, times := range seen {
		if times != 1 {
			s.Errorf("click %d came %d times", link, times)
		}
	}
}

func (s *suite) context() {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	for range 3 {
		if d, err := s.q.Source.Receive(ctx); err == nil {
			d.Done(nil) // what is at hand may still come
		} else if !errors.Is(err, context.Canceled) {
			s.Errorf("receive after the context's end: %v", err)
		}
	}
}

func (s *suite) closed() {
	s.q.Put(s.T, clicks(1))
	d := s.next()
	if err := s.q.Close(); err != nil {
		s.Fatal(err)
	}
	d.Done(nil) // too late, and harmless
	ctx, cancel := context.WithTimeout(s.Context(), s.f.Patience)
	defer cancel()
	if _, err := s.q.Source.Receive(ctx); !errors.Is(err, queue.ErrClosed) {
		s.Errorf("receive after Close: %v", err)
	}
}
