package spool

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"longtail/shared/queue"
)

// A segment is one file of a feed. The feed's mutex guards its fields.
type segment struct {
	file  File
	path  string
	base  int64
	end   int64 // position behind the last byte that counts; of the live feed's last one it grows
	head  header
	sick  bool // a sync failed: nothing more is written behind its end, and it is never synced again
	alien bool // of a version that is not ours: kept, not read
}

// createSegment begins a segment that holds content: under a temporary name, in the file that is ready for it or in a
// new one, and gives it its own name last. Content, where there is any, is durable before it has the name. On an error
// nothing is left behind.
func createSegment(fs FS, dir, tmp string, head header, content []byte, ready File) (*segment, error) {
	s := &segment{path: filepath.Join(dir, segmentName(head.feed, head.base)), base: head.base, end: head.base + int64(len(content)), head: head}
	s.file = ready
	if ready == nil {
		var err error
		if s.file, err = fs.Create(tmp); err != nil {
			return nil, fmt.Errorf("create segment: %w", err)
		}
	}
	if err := s.begin(fs, tmp, content); err != nil {
		return nil, fmt.Errorf("begin segment: %w", errors.Join(err, s.file.Close(), fs.Remove(tmp)))
	}
	return s, nil
}

func (s *segment) begin(fs FS, tmp string, content []byte) error {
	if _, err := s.file.WriteAt(s.head.encode(), 0); err != nil {
		return err
	}
	if len(content) > 0 {
		if _, err := s.file.WriteAt(content, headerSize); err != nil {
			return err
		}
		if err := s.file.Sync(); err != nil {
			return err
		}
	}
	return fs.Rename(tmp, s.path)
}

// openSegment opens a segment that another opening wrote.
func openSegment(fs FS, path string, feed queue.FeedID, base int64) (*segment, headerHealth, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, 0, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	b := make([]byte, min(headerSize, size))
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, 0, errors.Join(err, f.Close())
	}
	h, health := decodeHeader(b, feed, base)
	s := &segment{file: f, path: path, base: base, end: base + max(0, size-headerSize), head: h, alien: health == headerAlien}
	return s, health, nil
}

func (s *segment) at(pos int64) int64 { return headerSize + pos - s.base }

// read fills b from pos.
func (s *segment) read(b []byte, pos int64) error {
	n, err := s.file.ReadAt(b, s.at(pos))
	if n == len(b) {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read segment: %w", err)
}

// writeState writes what changes in a header. It is not synced: an old value only means clicks or a gap told again.
func (s *segment) writeState() error {
	var b [stateSize]byte
	s.head.encodeState(b[:])
	_, err := s.file.WriteAt(b[:], offState)
	return err
}

func (s *segment) writeConfirmed(pos int64) {
	s.head.confirmed = pos
	_ = s.writeState()
}

func (s *segment) writeGap(g fullGap) error {
	s.head.full = g
	return s.writeState()
}

func (s *segment) writeSignedOff() error {
	s.head.flags |= flagSignedOff
	if err := s.writeState(); err != nil || s.sick {
		return err
	}
	return s.file.Sync()
}
