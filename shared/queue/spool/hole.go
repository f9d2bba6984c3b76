package spool

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

const (
	// gapPause is the wait after a gap that could not be recorded.
	gapPause = time.Second
	// gapLimit bounds one try to record it.
	gapLimit = 5 * time.Second
)

// A hole is a stretch of a feed without a readable frame, whose gap must be known before it is passed.
type hole struct {
	feed     *Feed
	piece    piece
	from, to int64
	gap      Gap
}

// recordGap makes a hole's gap known. Until it is, nothing behind the hole is delivered.
func (s *Spool) recordGap(ctx context.Context, h *hole) {
	limited, cancel := context.WithTimeout(ctx, gapLimit)
	defer cancel()
	err := s.o.Gaps.RecordGap(limited, h.gap)
	h.feed.mu.Lock()
	defer h.feed.mu.Unlock()
	if err != nil {
		s.log.Warn("a gap cannot be recorded yet; what lies behind it waits", "error", err)
		h.feed.pause = time.Now().Add(gapPause)
		return
	}
	h.feed.pause = time.Time{}
	if h.from == h.to {
		h.feed.torn = nil
		return
	}
	h.feed.passed[h.from] = h.to
}

// findHole measures the hole at from and keeps its bytes for a person to look at.
func (f *Feed) findHole(v *view, from int64) (*hole, error) {
	p, there := v.at(from)
	h := &hole{feed: f, piece: p, from: from, to: v.nextBase(from)}
	h.gap = Gap{Feed: f.id, FromMS: f.readMS, ToMS: v.nowMS, Clicks: -1, Reason: ReasonPowerLoss}
	if there {
		if err := f.measure(h); err != nil {
			return nil, err
		}
	}
	if f.readMS == 0 {
		h.gap.FromMS = f.begunMS()
	}
	if ms, ok := v.peek(h.to); ok {
		h.gap.ToMS = max(ms, h.gap.FromMS)
	}
	return h, nil
}

// measure finds the hole's end in its segment.
func (f *Feed) measure(h *hole) error {
	kind := kindDamaged
	h.to, h.gap.Reason = h.piece.end, ReasonQuarantined
	if h.piece.alien {
		kind = kindVersion
	} else {
		err := h.piece.scan(h.from, func(x found) error {
			if h.to = x.to; x.bad && x.payload != nil {
				kind = kindVersion
			} else if !x.bad {
				h.to = x.pos
			}
			return errStop
		})
		if err != nil && !errors.Is(err, errStop) {
			return err
		}
		h.gap.Clicks = h.piece.records(h.from, h.to)
	}
	return f.quarantine(*h, kind)
}

// quarantine copies a hole's bytes to a file of its own, once: one that is met again after a restart is not counted
// again. On an error the hole is not passed: its bytes may be all that is left of a click.
func (f *Feed) quarantine(h hole, kind string) error {
	dir := filepath.Join(f.slot.dir, "quarantine")
	path := filepath.Join(dir, fmt.Sprintf("%s-%016x.bin", f.id, h.from))
	if f.isKept(path, h.to-h.from) {
		return nil
	}
	if err := f.copyOut(dir, path, h); err != nil {
		f.spool.log.Error("damaged bytes could not be kept yet", "error", err)
		return fmt.Errorf("quarantine: %w", err)
	}
	f.spool.metrics.quarantined.WithLabelValues(kind).Add(float64(max(1, h.piece.records(h.from, h.to))))
	f.spool.log.Error("bytes of the spool cannot be read", "kind", kind, "kept", path, "bytes", h.to-h.from)
	return nil
}

func (f *Feed) isKept(path string, size int64) bool {
	file, err := f.spool.fs.Open(path)
	if err != nil {
		return false
	}
	n, err := file.Size()
	return file.Close() == nil && err == nil && n == size
}

// copyOut gives the copy its name only when all of it is durable.
func (f *Feed) copyOut(dir, path string, h hole) error {
	fs, tmp := f.spool.fs, filepath.Join(dir, "copy.tmp")
	if err := fs.MkdirAll(dir); err != nil {
		return err
	}
	out, err := fs.Create(tmp)
	if err != nil {
		return err
	}
	err = copyBytes(out, h)
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = fs.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, fs.Remove(tmp))
	}
	return errors.Join(fs.SyncDir(f.slot.dir), fs.SyncDir(dir))
}

func copyBytes(out File, h hole) error {
	buf := make([]byte, min(scanWindow, h.to-h.from))
	for pos := h.from; pos < h.to; {
		b := buf[:min(int64(len(buf)), h.to-pos)]
		if err := h.piece.read(b, pos); err != nil {
			return err
		}
		if _, err := out.WriteAt(b, pos-h.from); err != nil {
			return err
		}
		pos += int64(len(b))
	}
	return nil
}
