package spool

import (
	"errors"
	"fmt"
	"path/filepath"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// A segment is one file of a feed. The feed's mutex guards its fields.
type segment struct {
	file File
	path string
	base int64
	end  int64 // position behind the last byte that counts; of the live feed's last one it grows
	head header
	sick bool // a sync failed: nothing is written to it or synced any more
}

// createSegment begins a segment under a temporary name, in the file that is ready for it or in a new one, and gives it
// its own. On an error nothing is left behind.
func createSegment(fs FS, dir, tmp string, feed queue.FeedID, base int64, ready File) (*segment, error) {
	s := &segment{path: filepath.Join(dir, segmentName(feed, base)), base: base, end: base, head: header{feed: feed, base: base}}
	s.file = ready
	if ready == nil {
		var err error
		if s.file, err = fs.Create(tmp); err != nil {
			return nil, fmt.Errorf("create segment: %w", err)
		}
	}
	_, err := s.file.WriteAt(s.head.encode(), 0)
	if err == nil {
		err = fs.Rename(tmp, s.path)
	}
	if err != nil {
		return nil, fmt.Errorf("begin segment: %w", errors.Join(err, s.file.Close(), fs.Remove(tmp)))
	}
	return s, nil
}

// openSegment opens a segment that another opening wrote. known is false when its version is not ours.
func openSegment(fs FS, path string, feed queue.FeedID, base int64) (s *segment, known bool, err error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, false, err
	}
	size, err := f.Size()
	if err != nil {
		f.Close()
		return nil, false, err
	}
	b := make([]byte, min(headerSize, size))
	if _, err := f.ReadAt(b, 0); err != nil {
		f.Close()
		return nil, false, err
	}
	h, known := decodeHeader(b)
	h.feed, h.base = feed, base
	return &segment{file: f, path: path, base: base, end: base + max(0, size-headerSize), head: h}, known, nil
}

func (s *segment) at(pos int64) int64 { return headerSize + pos - s.base }

// read fills b from pos, as far as the segment goes.
func (s *segment) read(b []byte, pos int64) ([]byte, error) {
	b = b[:min(int64(len(b)), s.end-pos)]
	n, err := s.file.ReadAt(b, s.at(pos))
	if n == len(b) {
		return b, nil
	}
	return b[:n], err
}

// writeConfirmed notes how far the feed is confirmed. It is not synced: an old value only means clicks sent again.
func (s *segment) writeConfirmed(pos int64) {
	s.head.confirmed = pos
	_, _ = s.file.WriteAt(s.head.encode()[offConfirmed:offGap], offConfirmed)
}

func (s *segment) writeGap(g fullGap) error {
	s.head.gap = g
	_, err := s.file.WriteAt(s.head.encode()[offGap:], offGap)
	return err
}

func (s *segment) writeSignedOff() error {
	s.head.flags |= flagSignedOff
	if _, err := s.file.WriteAt(s.head.encode()[offFlags:offFlags+1], offFlags); err != nil {
		return err
	}
	return s.file.Sync()
}

// scanWindow is what a search for frames reads at once.
const scanWindow = 1 << 20

// A found is what scan tells of a stretch of bytes.
type found struct {
	pos, to int64 // [pos, to)
	payload []byte
	bad     bool // no frame, or one of a version that is not ours
}

// scan walks from pos to the segment's end and tells each frame, and each stretch of bytes between frames: behind a bad
// byte it tries every following one until a length and its checksum agree.
func (s *segment) scan(pos int64, tell func(found) error) error {
	buf := make([]byte, scanWindow)
	bad := int64(-1)
	end := func(at int64) error {
		if bad < 0 {
			return nil
		}
		f := found{pos: bad, to: at, bad: true}
		bad = -1
		return tell(f)
	}
	for pos < s.end {
		b, err := s.read(buf, pos)
		if err != nil {
			return fmt.Errorf("read segment: %w", err)
		}
		last := pos+int64(len(b)) == s.end
		for len(b) > 0 {
			payload, size, err := click.Next(b)
			if err != nil {
				if !last && len(b) < click.MaxFrame {
					break // the rest of this frame may be in the next window
				}
				if bad < 0 {
					bad = pos
				}
				b, pos = b[1:], pos+1
				continue
			}
			if err := end(pos); err != nil {
				return err
			}
			if err := tell(found{pos: pos, to: pos + int64(size), payload: payload, bad: !ours(payload)}); err != nil {
				return err
			}
			b, pos = b[size:], pos+int64(size)
		}
	}
	return end(s.end)
}

// ours reports whether a payload, which begins with its version, is one that this program knows.
func ours(payload []byte) bool {
	return len(payload) > 2 && payload[0] == 0x08 && payload[1] <= click.Version
}
