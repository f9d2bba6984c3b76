package resolve

import (
	"encoding/binary"
	"errors"

	"longtail/shared/click"
	"longtail/shared/link"
)

// Values in Redis. Every kind begins with its format and a version, and ends with a checksum of all before it, so that
// the script can compare versions of any format, and what was cut or overwritten is never taken for a target.
//
//	 0        1               9          n-4
//	+--------+---------------+----------+--------+
//	| format | version (BE)  | body     | CRC32C |
//	+--------+---------------+----------+--------+
const (
	formatTarget = 1
	formatSets   = 2

	valueHeader  = 1 + 8
	valueTrailer = 4
)

var errValue = errors.New("value in redis cannot be read")

func beginValue(format byte, version uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 256), format), version)
}

func endValue(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, click.Checksum(b)) }

// openValue checks a value and returns its version and body.
func openValue(format byte, b []byte) (version uint64, body []byte, err error) {
	end := len(b) - valueTrailer
	if end < valueHeader || b[0] != format || click.Checksum(b[:end]) != binary.LittleEndian.Uint32(b[end:]) {
		return 0, nil, errValue
	}
	return binary.BigEndian.Uint64(b[1:]), b[valueHeader:end], nil
}

// encodeTarget writes a target. Its domain and code are inside, so that a value under a wrong key is found out.
func encodeTarget(t *Target) []byte {
	b := beginValue(formatTarget, t.Version)
	for _, v := range [...]uint64{t.ID, t.Campaign, uint64(t.ExpiresMS), uint64(t.Account), uint64(t.Domain), uint64(t.Ordinal), uint64(t.State)} {
		b = binary.AppendUvarint(b, v)
	}
	b = append(b, t.KeyID[:]...)
	b = appendText(b, t.Code)
	b = appendText(b, t.URL)
	b = binary.AppendUvarint(b, uint64(len(t.Forward)))
	for _, name := range t.Forward {
		b = appendText(b, name)
	}
	return endValue(b)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decodeTarget reads the target of k. Any doubt is errValue.
func decodeTarget(k key, value []byte) (*Target, error) {
	version, body, err := openValue(formatTarget, value)
	if err != nil {
		return nil, err
	}
	r := reader{rest: body}
	t := &Target{
		Version: version, ID: r.uint(), Campaign: r.uint(), ExpiresMS: int64(r.uint()),
		Account: uint32(r.uint()), Domain: uint32(r.uint()), Ordinal: uint32(r.uint()), State: link.State(r.uint()),
	}
	copy(t.KeyID[:], r.bytes(uint64(len(t.KeyID))))
	t.Code, t.URL = r.text(), r.text()
	for n := r.uint(); n > 0 && !r.bad; n-- {
		t.Forward = append(t.Forward, r.text())
	}
	if r.bad || len(r.rest) > 0 || t.key() != k || t.URL == "" || t.State < link.Live || t.State > link.Deleted {
		return nil, errValue
	}
	return t, nil
}

// reader reads a body; its first mistake sticks.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes(r.uint())) }
