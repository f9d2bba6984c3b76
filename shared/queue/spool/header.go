package spool

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"longtail/shared/click"
	"longtail/shared/queue"
)

const (
	headerSize = 64
	version    = 1

	flagSignedOff = 1

	offVersion   = 4
	offFlags     = 5
	offFeed      = 8
	offBase      = 24
	offConfirmed = 32
	offGap       = 40
	gapSize      = 24
)

var magic = [4]byte{'L', 'T', 'S', 'P'}

// A header is the first 64 bytes of a segment.
type header struct {
	flags     byte
	feed      queue.FeedID
	base      int64
	confirmed int64
	gap       fullGap
}

// fullGap is what a full spool could not record.
type fullGap struct {
	from, to int64 // ms
	n        uint32
}

func (h *header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic[:])
	b[offVersion], b[offFlags] = version, h.flags
	copy(b[offFeed:], h.feed[:])
	binary.LittleEndian.PutUint64(b[offBase:], uint64(h.base))
	binary.LittleEndian.PutUint64(b[offConfirmed:], uint64(h.confirmed))
	h.gap.encode(b[offGap:])
	return b
}

func (g *fullGap) encode(b []byte) {
	binary.LittleEndian.PutUint64(b, uint64(g.from))
	binary.LittleEndian.PutUint64(b[8:], uint64(g.to))
	binary.LittleEndian.PutUint32(b[16:], g.n)
	binary.LittleEndian.PutUint32(b[20:], click.Checksum(b[:20]))
}

// decodeHeader reads a header. What is damaged is left at its zero value; ok is false when the version is not ours.
func decodeHeader(b []byte) (h header, ok bool) {
	if len(b) < headerSize || [4]byte(b[:4]) != magic {
		return h, true // a damaged header: the file's name says what must be known
	}
	h.flags, h.feed = b[offFlags], queue.FeedID(b[offFeed:offBase])
	h.base = int64(binary.LittleEndian.Uint64(b[offBase:]))
	h.confirmed = int64(binary.LittleEndian.Uint64(b[offConfirmed:]))
	if gap := b[offGap : offGap+gapSize]; binary.LittleEndian.Uint32(gap[20:]) == click.Checksum(gap[:20]) {
		h.gap = fullGap{int64(binary.LittleEndian.Uint64(gap)), int64(binary.LittleEndian.Uint64(gap[8:])), binary.LittleEndian.Uint32(gap[16:])}
	}
	return h, b[offVersion] == version
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
