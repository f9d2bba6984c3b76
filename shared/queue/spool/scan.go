package spool

import (
	"errors"
	"fmt"
	"slices"

	"longtail/shared/click"
)

// A view is a feed's bytes as they stood at one moment: it is read without holding up the appends.
type view struct {
	pieces []piece
	end    int64
	nowMS  int64 // the clock, read under the mutex that gives the next click its time
	fullMS int64 // where a gap begins that the database does not know yet; 0 = none
}

// A piece is what of a segment counts.
type piece struct {
	*segment
	end int64
}

// view needs the feed's mutex.
func (f *Feed) view() *view {
	v := &f.seen
	v.pieces, v.end, v.nowMS, v.fullMS = v.pieces[:0], f.end, f.spool.o.Clock.MS(), 0
	for _, s := range f.segments {
		v.pieces = append(v.pieces, piece{s, s.end})
	}
	for _, n := range f.full {
		if v.fullMS == 0 || n.from < v.fullMS {
			v.fullMS = n.from
		}
	}
	return v
}

// at returns the piece in which pos lies, if its bytes are there.
func (v *view) at(pos int64) (piece, bool) {
	for _, p := range slices.Backward(v.pieces) {
		if pos >= p.base {
			return p, pos < p.end
		}
	}
	return piece{}, false
}

// nextBase returns where the piece behind pos begins, or the feed's end.
func (v *view) nextBase(pos int64) int64 {
	for _, p := range v.pieces {
		if p.base > pos {
			return p.base
		}
	}
	return v.end
}

// peek returns the time of the frame at pos, and whether there is a readable one.
func (v *view) peek(pos int64) (ms int64, ok bool) {
	p, there := v.at(pos)
	if !there || p.alien {
		return 0, false
	}
	b := make([]byte, min(2<<10, p.end-pos)) // most frames are shorter
	if err := p.read(b, pos); err != nil {
		return 0, false
	}
	payload, _, err := click.Next(b)
	if errors.Is(err, click.ErrTruncated) && int64(len(b)) < p.end-pos {
		b = make([]byte, min(click.MaxFrame, p.end-pos))
		if err := p.read(b, pos); err != nil {
			return 0, false
		}
		payload, _, err = click.Next(b)
	}
	if err != nil {
		return 0, false
	}
	return timeOf(payload)
}

// timeOf reads a click's time. A payload begins with two bytes of version, then tag, length and the id.
func timeOf(p []byte) (ms int64, ok bool) {
	if len(p) < 4+click.IDSize || p[0] != 0x08 || p[2] != 0x12 || p[3] != click.IDSize {
		return 0, false
	}
	return click.ID(p[4 : 4+click.IDSize]).MS(), true
}

// ours reports whether a payload, which begins with its version, is one that this program knows.
func ours(payload []byte) bool {
	return len(payload) > 2 && payload[0] == 0x08 && payload[1] <= click.Version
}

// scanWindow is what a search for frames reads at once.
const scanWindow = 1 << 20

// A found is what scan tells of a stretch of bytes.
type found struct {
	pos, to int64 // [pos, to)
	payload []byte
	bad     bool // no frame, or one of a version that is not ours
}

// scan walks from pos to the piece's end and tells each frame, and each stretch of bytes between frames: behind a bad
// byte it tries every following one until a length and its checksum agree.
func (p piece) scan(pos int64, tell func(found) error) error {
	bad := int64(-1)
	stretch := func(at int64) error {
		if bad < 0 {
			return nil
		}
		f := found{pos: bad, to: at, bad: true}
		bad = -1
		return tell(f)
	}
	for window := make([]byte, min(scanWindow, max(0, p.end-pos))); pos < p.end; {
		b := window[:min(int64(len(window)), p.end-pos)]
		if err := p.read(b, pos); err != nil {
			return err
		}
		last := pos+int64(len(b)) == p.end
		for len(b) > 0 && (last || len(b) >= click.MaxFrame) {
			payload, size, err := click.Next(b)
			if err != nil {
				if bad < 0 {
					bad = pos
				}
				b, pos = b[1:], pos+1
				continue
			}
			if err := stretch(pos); err != nil {
				return err
			}
			if err := tell(found{pos: pos, to: pos + int64(size), payload: payload, bad: !ours(payload)}); err != nil {
				return err
			}
			b, pos = b[size:], pos+int64(size)
		}
	}
	return stretch(p.end)
}

var errStop = fmt.Errorf("stop")

// goodEnd returns the position behind the last whole frame, whatever its version.
func (p piece) goodEnd() (int64, error) {
	end := p.base
	err := p.scan(p.base, func(x found) error {
		if x.payload != nil {
			end = x.to
		}
		return nil
	})
	return end, err
}

// records counts the frames that a stretch held, as far as their lengths still tell: -1 when they do not.
func (p piece) records(from, to int64) int64 {
	var head [click.FrameHeader]byte
	n := int64(0)
	for from < to {
		if to-from < click.FrameHeader || p.read(head[:], from) != nil {
			return -1
		}
		size := int64(head[0]) | int64(head[1])<<8 | int64(head[2])<<16 | int64(head[3])<<24
		if size < 1 || size > click.MaxPayload {
			return -1
		}
		from += click.FrameHeader + size
		n++
	}
	if from != to {
		return -1
	}
	return n
}
