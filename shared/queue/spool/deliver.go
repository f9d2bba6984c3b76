package spool

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"longtail/shared/click"
	"longtail/shared/queue"
)

const (
	// beat is how often an idle feed says that nothing came.
	beat = time.Second
	// gapPause is the wait after a gap that could not be recorded.
	gapPause = time.Second
)

var _ queue.Source = (*Spool)(nil)

// Receive delivers from the live feed and from the adopted ones in turn: all that was written since, up to 500 clicks or
// 64 KB; from an idle feed an empty range each second. At most Window messages are in flight.
func (s *Spool) Receive(ctx context.Context) (*queue.Delivery, error) {
	for {
		d, gap, wait, err := s.pick(time.Now())
		switch {
		case err != nil:
			return nil, err
		case d != nil:
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

// A hole is a stretch of a feed without a readable frame, whose gap must be known before it is passed.
type hole struct {
	feed     *Feed
	from, to int64
	gap      Gap
}

func (s *Spool) pick(now time.Time) (d *queue.Delivery, h *hole, wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, 0, queue.ErrClosed
	}
	if s.inFlight >= s.o.Window {
		return nil, nil, beat, nil // a Done wakes us
	}
	wait = beat
	for range s.feeds {
		s.turn = (s.turn + 1) % len(s.feeds)
		f := s.feeds[s.turn]
		m, attempt, h, again := f.offer(now)
		if h != nil {
			return nil, h, 0, nil
		}
		if m != nil {
			s.inFlight++
			return queue.NewDelivery(*m, attempt, func(err error) { s.done(f, m, attempt, err) }), nil, 0, nil
		}
		wait = min(wait, again)
	}
	return nil, nil, max(wait, time.Millisecond), nil
}

func (s *Spool) done(f *Feed, m *queue.Message, attempt int, err error) {
	f.release(m, attempt, err)
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
	s.signal()
}

func (s *Spool) recordGap(ctx context.Context, h *hole) {
	if err := s.o.Gaps.RecordGap(ctx, h.gap); err != nil {
		s.log.Warn("a gap cannot be recorded yet; what lies behind it waits", "error", err)
		h.feed.passLater(time.Now().Add(gapPause))
		return
	}
	h.feed.pass(h)
}

// offer returns the feed's next message, or the hole before it, or how long nothing is to be expected.
func (f *Feed) offer(now time.Time) (m *queue.Message, attempt int, h *hole, again time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.deliver {
		return nil, 0, nil, beat
	}
	if wait := f.pause.Sub(now); wait > 0 {
		return nil, 0, nil, wait
	}
	from, to, attempt := f.next, f.end, 1
	if len(f.back) > 0 {
		from, to, attempt = f.back[0].From, f.back[0].To, f.back[0].attempt
	}
	if from == to {
		if wait := f.nextBeat.Sub(now); wait > 0 || f.inFlight > 0 {
			return nil, 0, nil, max(wait, 10*time.Millisecond)
		}
	}
	m, h = f.read(from, to)
	if h != nil {
		return nil, 0, h, 0
	}
	if len(f.back) > 0 {
		f.back = f.back[1:]
		if m.To < to {
			f.back = append(f.back, handed{queue.Message{From: m.To, To: to}, attempt})
		}
	}
	f.next = max(f.next, m.To)
	f.inFlight++
	f.nextBeat = now.Add(beat)
	return m, attempt, nil, 0
}

// read makes the message that begins at from and ends at to or before.
func (f *Feed) read(from, to int64) (*queue.Message, *hole) {
	m := &queue.Message{Feed: f.id, From: from, To: from}
	start := from
	if end, known := f.passed[from]; known {
		start, m.To = min(end, to), min(end, to)
	}
	lastMS := int64(0)
	if s := f.segmentAt(start); s != nil && start < to {
		b, err := s.read(make([]byte, min(queue.MaxBytes, to-start)), start)
		if err == nil {
			m.Frames, m.Clicks, lastMS = wholeFrames(b)
			m.To = start + int64(len(m.Frames))
		}
	}
	if m.To == from && from < to {
		return nil, f.findHole(from)
	}
	if lastMS != 0 {
		f.readMS = max(f.readMS, lastMS)
	}
	m.UptoMS = f.upto(m.To, lastMS)
	return m, nil
}

// wholeFrames returns the run of good frames at the beginning of b.
func wholeFrames(b []byte) (frames []byte, clicks int, lastMS int64) {
	at := 0
	for clicks < queue.MaxClicks {
		payload, size, err := click.Next(b[at:])
		if err != nil || !ours(payload) {
			break
		}
		if len(payload) >= 4+click.IDSize {
			lastMS = click.ID(payload[4 : 4+click.IDSize]).MS()
		}
		at += size
		clicks++
	}
	return b[:at:at], clicks, lastMS
}

// upto returns the feed's watermark behind to.
func (f *Feed) upto(to, lastMS int64) int64 {
	ms := max(lastMS, f.readMS)
	if to >= f.end {
		ms = f.spool.o.Clock.MS() // under the mutex that gives the next click its time
	} else if next, readable := f.peek(to); readable {
		ms = next
	}
	if f.full.n > 0 {
		ms = min(ms, f.full.from)
	}
	return ms
}

// findHole measures the hole at from and keeps its bytes for a person to look at.
func (f *Feed) findHole(from int64) *hole {
	s := f.segmentAt(from)
	h := &hole{feed: f, from: from, to: f.nextBase(from)}
	nextMS := f.spool.o.Clock.MS()
	reason := ReasonPowerLoss
	if s != nil {
		reason, h.to = ReasonQuarantined, s.end
		err := s.scan(from, func(x found) error {
			if x.bad {
				return nil
			}
			h.to = x.pos
			if ms, ok := f.peek(x.pos); ok {
				nextMS = ms
			}
			return errStop
		})
		f.keepBytes(s, h, err)
	}
	h.gap = Gap{Feed: f.id, FromMS: f.readMS, ToMS: max(nextMS, f.readMS), Clicks: -1, Reason: reason}
	return h
}

var errStop = fmt.Errorf("stop")

// keepBytes copies a hole's bytes to the quarantine folder, once.
func (f *Feed) keepBytes(s *segment, h *hole, scanned error) {
	if f.kept[h.from] {
		return
	}
	f.spool.metrics.quarantined.Inc()
	dir := quarantineDir(f.slot.dir)
	path := filepath.Join(dir, fmt.Sprintf("%s-%016x.bin", f.id, h.from))
	err := f.spool.fs.MkdirAll(dir)
	if err == nil {
		err = copyOut(f.spool.fs, path, s, h.from, h.to)
	}
	f.kept[h.from] = true
	f.spool.log.Error("bytes of the spool are no frames", "kept", path, "bytes", h.to-h.from, "copy", err, "scan", scanned != nil && scanned != errStop)
}

func copyOut(fs FS, path string, s *segment, from, to int64) error {
	out, err := fs.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	buf := make([]byte, 64<<10)
	for pos := from; pos < to; {
		b, err := s.read(buf[:min(int64(len(buf)), to-pos)], pos)
		if len(b) == 0 {
			return err
		}
		if _, err := out.WriteAt(b, pos-from); err != nil {
			return err
		}
		pos += int64(len(b))
	}
	return out.Sync()
}

func (f *Feed) pass(h *hole) {
	f.mu.Lock()
	f.passed[h.from] = h.to
	f.mu.Unlock()
}

func (f *Feed) passLater(t time.Time) {
	f.mu.Lock()
	f.pause = t
	f.mu.Unlock()
}

// release takes a message back, or lets go of it.
func (f *Feed) release(m *queue.Message, attempt int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight--
	if m.From == m.To {
		return // an empty range is worth nothing later: the next one says more
	}
	if err != nil {
		f.back = append(f.back, handed{queue.Message{From: m.From, To: m.To}, attempt + 1})
		return
	}
	f.waiting -= int64(m.Clicks)
	f.done[m.From] = m.To
	before := f.confirmed
	for {
		to, ok := f.done[f.confirmed]
		if !ok {
			break
		}
		delete(f.done, f.confirmed)
		delete(f.passed, f.confirmed)
		f.confirmed = to
	}
	if f.confirmed == before {
		return
	}
	if s := f.segmentAt(f.confirmed); s != nil {
		s.writeConfirmed(f.confirmed)
	} else if n := len(f.segments); n > 0 {
		f.segments[n-1].writeConfirmed(f.confirmed)
	}
	f.unlink()
}
