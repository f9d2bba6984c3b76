package spool

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"longtail/shared/click"
	"longtail/shared/queue"
)

const (
	headerSize = 64
	version    = 1

	flagSignedOff = 1

	offVersion = 4
	offFeed    = 8
	offBase    = 24
	offSum     = 32 // of what stands before it: written once
	offState   = 36 // what changes, with a sum of its own, in one write within one sector
	stateSize  = headerSize - offState
)

var magic = [4]byte{'L', 'T', 'S', 'P'}

// A header is the first 64 bytes of a segment.
type header struct {
	feed queue.FeedID
	base int64
	state
}

// A state is the part of a header that changes. It is never synced for its own sake.
type state struct {
	confirmed int64
	full      fullGap
	flags     byte
}

// fullGap is what a full spool could not record.
type fullGap struct {
	from, to int64 // ms
	n        int64
}

func (h *header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic[:])
	binary.LittleEndian.PutUint16(b[offVersion:], version)
	copy(b[offFeed:], h.feed[:])
	binary.LittleEndian.PutUint64(b[offBase:], uint64(h.base))
	binary.LittleEndian.PutUint32(b[offSum:], click.Checksum(b[:offSum]))
	h.encodeState(b[offState:])
	return b
}

func (s *state) encodeState(b []byte) {
	binary.LittleEndian.PutUint64(b, uint64(s.confirmed))
	putUint48(b[8:], s.full.from)
	binary.LittleEndian.PutUint32(b[14:], uint32(min(s.full.to-s.full.from, math.MaxUint32)))
	binary.LittleEndian.PutUint32(b[18:], uint32(min(s.full.n, math.MaxUint32)))
	b[22], b[23] = s.flags, 0
	binary.LittleEndian.PutUint32(b[24:], click.Checksum(b[:24]))
}

func (s *state) decode(b []byte) bool {
	if binary.LittleEndian.Uint32(b[24:]) != click.Checksum(b[:24]) {
		return false
	}
	from := uint48(b[8:])
	s.confirmed = int64(binary.LittleEndian.Uint64(b))
	s.full = fullGap{from, from + int64(binary.LittleEndian.Uint32(b[14:])), int64(binary.LittleEndian.Uint32(b[18:]))}
	s.flags = b[22]
	return true
}

func putUint48(b []byte, v int64) {
	binary.LittleEndian.PutUint32(b, uint32(v))
	binary.LittleEndian.PutUint16(b[4:], uint16(v>>32))
}

func uint48(b []byte) int64 {
	return int64(binary.LittleEndian.Uint32(b)) | int64(binary.LittleEndian.Uint16(b[4:]))<<32
}

// headerHealth is what a reader may believe of a header.
type headerHealth int

const (
	headerGood    headerHealth = iota
	headerDamaged              // the file's name says what must be known, and everything is sent again
	headerAlien                // whole, of a version that is not ours
)

// decodeHeader reads the header of the segment that is named for feed and base. What is damaged is as in a new segment.
func decodeHeader(b []byte, feed queue.FeedID, base int64) (header, headerHealth) {
	h := header{feed: feed, base: base}
	if len(b) < headerSize || [4]byte(b[:4]) != magic || binary.LittleEndian.Uint32(b[offSum:]) != click.Checksum(b[:offSum]) {
		if len(b) == headerSize {
			h.decode(b[offState:])
		}
		return h, headerDamaged
	}
	if binary.LittleEndian.Uint16(b[offVersion:]) != version {
		return h, headerAlien
	}
	if !h.decode(b[offState:]) {
		return h, headerDamaged
	}
	return h, headerGood
}

func segmentName(feed queue.FeedID, base int64) string {
	return fmt.Sprintf("%s-%016x.seg", feed, base)
}

func parseSegmentName(name string) (feed queue.FeedID, base int64, ok bool) {
	stem, isSegment := strings.CutSuffix(name, ".seg")
	id, offset, found := strings.Cut(stem, "-")
	if !isSegment || !found || len(offset) != 16 {
		return feed, 0, false
	}
	feed, err := queue.ParseFeedID(id)
	if err != nil {
		return feed, 0, false
	}
	n, err := strconv.ParseUint(offset, 16, 63)
	return feed, int64(n), err == nil
}
