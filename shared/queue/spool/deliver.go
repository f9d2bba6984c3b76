package spool

import (
	"context"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
)

const (
	// beat is how often an idle feed says that nothing came.
	beat = time.Second
	// readPause is the wait after bytes that the disk did not give.
	readPause = time.Second
	// gather is the least time between two messages of a feed that are not full: clicks wait for company. Each message
	// costs everybody behind the spool as much as some twenty clicks.
	gather = 50 * time.Millisecond
)

var _ queue.Source = (*Spool)(nil)

// Receive delivers from the live feed and from the adopted ones in turn: all that was written since, up to 500 clicks or
// 64 KB; from an idle feed an empty range each second. At most Window messages are in flight.
func (s *Spool) Receive(ctx context.Context) (*queue.Delivery, error) {
	for {
		s.hungry.Store(true) // before the look: a click that comes behind it wakes us
		d, gap, wait, err := s.pick(time.Now())
		switch {
		case err != nil:
			return nil, err
		case d != nil:
			s.signal() // there may be more, for another receiver
			return d, nil
		case gap != nil:
			s.recordGap(ctx, gap)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.wake:
		case <-timer.C:
		case <-s.quit:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

// pick holds the spool's mutex while it reads, so that messages are cut one after the other; appends go on.
func (s *Spool) pick(now time.Time) (d *queue.Delivery, h *hole, wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, 0, queue.ErrClosed
	}
	if s.inFlight >= s.o.Window {
		s.hungry.Store(false)
		return nil, nil, beat, nil // a Done wakes us
	}
	wait = beat
	for range s.feeds {
		s.turn = (s.turn + 1) % len(s.feeds)
		f := s.feeds[s.turn]
		o := f.offer(now)
		if o.hole != nil {
			return nil, o.hole, 0, nil
		}
		if o.message != nil {
			s.inFlight++
			return queue.NewDelivery(*o.message, o.attempt, func(err error) { s.done(f, o, err) }), nil, 0, nil
		}
		wait = min(wait, o.wait)
	}
	return nil, nil, max(wait, time.Millisecond), nil
}

func (s *Spool) done(f *Feed, o offer, err error) {
	f.release(o, err)
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
	s.signal()
}

// An offer is a feed's next message, or the hole before it, or how long nothing is to be expected.
type offer struct {
	message *queue.Message
	attempt int
	hole    *hole
	wait    time.Duration
}

func (f *Feed) offer(now time.Time) offer {
	f.reading.Lock()
	defer f.reading.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if wait := f.pause.Sub(now); wait > 0 || !f.deliver || f.gone {
		return offer{wait: max(wait, 10*time.Millisecond)}
	}
	from, to, attempt := f.next, f.end, 1
	again := len(f.back) > 0 && !f.back[0].after.After(now)
	if again {
		from, to, attempt = f.back[0].from, f.back[0].to, f.back[0].attempt
	}
	soon := f.nextBeat.Sub(now)
	if len(f.back) > 0 {
		soon = min(soon, f.back[0].after.Sub(now))
	}
	if from == to {
		if f.torn != nil {
			f.pause = now.Add(gapLimit) // nobody else needs to record it
			return offer{hole: &hole{feed: f, from: to, to: to, gap: *f.torn}}
		}
		if soon > 0 || f.inFlight > 0 {
			return offer{wait: max(soon, 10*time.Millisecond)}
		}
	}
	if wait := f.sent.Add(gather).Sub(now); !again && to-from < queue.MaxBytes && wait > 0 {
		f.spool.hungry.Store(false) // the time wakes us, not the next click
		return offer{wait: wait}
	}
	v, m := f.view(), &queue.Message{Feed: f.id, From: from, To: from}
	if end, known := f.passed[from]; known {
		m.To = min(end, to)
	}
	f.mu.Unlock()
	lastMS, h, err := f.read(v, m, to)
	f.mu.Lock()
	switch {
	case err != nil:
		f.spool.log.Error("the spool cannot be read", "error", err)
		f.pause = now.Add(readPause)
		return offer{wait: readPause}
	case h != nil:
		f.pause = now.Add(gapLimit)
		return offer{hole: h}
	}
	f.readMS = max(f.readMS, lastMS)
	f.took(m, again, now)
	return offer{message: m, attempt: attempt}
}

// took notes that m goes out.
func (f *Feed) took(m *queue.Message, again bool, now time.Time) {
	if again {
		if f.back[0].from = m.To; f.back[0].from >= f.back[0].to {
			f.back = f.back[1:]
		}
	}
	f.next = max(f.next, m.To)
	f.inFlight++
	f.sent, f.nextBeat = now, now.Add(beat)
}

// read fills the message, which begins with a hole that may be passed or with nothing, up to the position to or less;
// or it returns the hole in its way. It runs beside appends.
func (f *Feed) read(v *view, m *queue.Message, to int64) (lastMS int64, h *hole, err error) {
	if p, there := v.at(m.To); there && !p.alien && m.To < to {
		if m.Frames, m.Clicks, lastMS, err = p.frames(m.To, min(to, p.end)); err != nil {
			return 0, nil, err
		}
		m.To += int64(len(m.Frames))
	}
	if m.To == m.From && m.From < to {
		h, err = f.findHole(v, m.From)
		return 0, h, err
	}
	m.UptoMS = f.upto(v, m.To, lastMS)
	return lastMS, nil, nil
}

// upto returns the feed's watermark behind to: the time of the first frame there. At the end it is the clock; before
// bytes that are no frame it is the time of the last frame that was.
func (f *Feed) upto(v *view, to, lastMS int64) int64 {
	ms := v.nowMS
	if to < v.end {
		var readable bool
		if ms, readable = v.peek(to); !readable {
			ms = max(lastMS, f.readMS)
		}
	}
	if v.fullMS > 0 {
		ms = min(ms, v.fullMS)
	}
	return ms
}

// frames reads the whole frames from pos on that fit into a message.
func (p piece) frames(pos, to int64) (frames []byte, clicks int, lastMS int64, err error) {
	b := make([]byte, min(queue.MaxBytes, to-pos))
	if err := p.read(b, pos); err != nil {
		return nil, 0, 0, err
	}
	frames, clicks, lastMS = wholeFrames(b)
	if clicks == 0 && int64(len(b)) < to-pos { // a frame may be longer than a message, which then holds it alone
		b = make([]byte, min(click.MaxFrame, to-pos))
		if err := p.read(b, pos); err != nil {
			return nil, 0, 0, err
		}
		frames, clicks, lastMS = wholeFrames(b)
	}
	return frames, clicks, lastMS, nil
}

// wholeFrames returns the run of good frames at the beginning of b.
func wholeFrames(b []byte) (frames []byte, clicks int, lastMS int64) {
	at := 0
	for clicks < queue.MaxClicks {
		payload, size, err := click.Next(b[at:])
		if err != nil || !ours(payload) {
			break
		}
		if ms, ok := timeOf(payload); ok {
			lastMS = ms
		}
		at += size
		clicks++
	}
	return b[:at:at], clicks, lastMS
}
