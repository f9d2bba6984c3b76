package click

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// IDSize is the length of an ID in bytes.
const IDSize = 16

// An ID names one click for ever. Its layout is that of UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then
// the version, the variant and 74 random bits. The time is the click's only time; the random part makes it unique.
type ID [IDSize]byte

// NewID returns an ID of the millisecond ms (UTC) with fresh randomness.
func NewID(ms int64) ID {
	var id ID
	rand.Read(id[6:]) // never fails: crypto/rand ends the program when the system has no randomness
	id.stamp(ms)
	return id
}

// stamp writes the time and the fixed bits over an ID whose other bits are random.
func (id *ID) stamp(ms int64) {
	binary.BigEndian.PutUint16(id[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(id[2:], uint32(ms))
	id[6] = 0x70 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
}

// MS returns the ID's time in Unix milliseconds.
func (id ID) MS() int64 {
	return int64(binary.BigEndian.Uint16(id[0:]))<<32 | int64(binary.BigEndian.Uint32(id[2:]))
}

// Time returns the ID's time in UTC.
func (id ID) Time() time.Time { return time.UnixMilli(id.MS()).UTC() }

// Day returns the UTC day of the ID's time as the number yyyymmdd.
func (id ID) Day() int32 { return Day(id.MS()) }

// String returns the ID as 32 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads what String wrote.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*IDSize {
		return id, fmt.Errorf("event id %q: want 32 hexadecimal digits", s)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return id, fmt.Errorf("event id %q: %w", s, err)
	}
	return id, nil
}

// Day returns the UTC day of ms as the number yyyymmdd, the partition key of the table clicks.
func Day(ms int64) int32 {
	y, m, d := time.UnixMilli(ms).UTC().Date()
	return int32(y*10000 + int(m)*100 + d)
}
