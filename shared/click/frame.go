package click

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/encoding/protowire"
)

// A frame is the one form in which a click is kept: in a segment of the spool, in a message, in a dead letter.
//
//	 0        4        8                 8+length
//	+--------+--------+------------------+
//	| length | CRC32C | payload          |
//	+--------+--------+------------------+
//
// Both numbers are little-endian; the checksum (Castagnoli) covers the payload, which is the message Click of
// click.proto.
const (
	FrameHeader = 8
	MaxPayload  = 64 << 10
	// MaxFrame is also the largest message: a message is at least one frame.
	MaxFrame = FrameHeader + MaxPayload
)

// What can be wrong with the bytes of a frame.
var (
	// ErrTruncated: the bytes end before the frame does.
	ErrTruncated = errors.New("frame is cut short")
	// ErrDamaged: the length cannot be, or the checksum does not match.
	ErrDamaged = errors.New("frame is damaged")
	// ErrVersion: the frame is whole, but its payload is of a newer version.
	ErrVersion = errors.New("click has an unknown version")
	// ErrPayload: the frame is whole, but its payload is not a click.
	ErrPayload = errors.New("payload is not a click")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum returns the CRC32C that frames and segment headers carry.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// Next splits the first frame off b. payload aliases b; size is the frame's length with its header.
func Next(b []byte) (payload []byte, size int, err error) {
	if len(b) < FrameHeader {
		return nil, 0, ErrTruncated
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n < 1 || n > MaxPayload {
		return nil, 0, ErrDamaged
	}
	if len(b) < FrameHeader+n {
		return nil, 0, ErrTruncated
	}
	payload = b[FrameHeader : FrameHeader+n : FrameHeader+n]
	if Checksum(payload) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, 0, ErrDamaged
	}
	return payload, FrameHeader + n, nil
}

// AppendFrame appends the click's frame to dst. It allocates only when dst has to grow.
func AppendFrame(dst []byte, c *Click) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = appendPayload(dst, c)
	payload := dst[at+FrameHeader:]
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(dst[at+4:], Checksum(payload))
	return dst
}

// The fields of click.proto.
const (
	fieldVersion protowire.Number = iota + 1
	fieldID
	fieldLink
	fieldOrdinal
	fieldAccount
	fieldCampaign
	fieldDomain
	fieldMethod
	fieldFlags
	fieldToken
	fieldIP
	fieldUserAgent
	fieldReferrer
)

func appendPayload(b []byte, c *Click) []byte {
	b = appendUint(b, fieldVersion, Version)
	b = protowire.AppendTag(b, fieldID, protowire.BytesType)
	b = protowire.AppendBytes(b, c.ID[:])
	b = appendUint(b, fieldLink, c.Link)
	b = appendUint(b, fieldOrdinal, uint64(c.Ordinal))
	b = appendUint(b, fieldAccount, uint64(c.Account))
	b = appendUint(b, fieldCampaign, c.Campaign)
	b = appendUint(b, fieldDomain, uint64(c.Domain))
	b = appendUint(b, fieldMethod, uint64(c.Method))
	b = appendUint(b, fieldFlags, uint64(c.Flags))
	b = appendText(b, fieldToken, c.Token)
	b = appendText(b, fieldIP, c.IP)
	b = appendText(b, fieldUserAgent, c.UserAgent)
	return appendText(b, fieldReferrer, c.Referrer)
}

func appendUint(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

// Decode reads a payload. The click's strings share one copy of it. Errors are ErrVersion and ErrPayload; with
// ErrVersion and with a payload that names its id the click's ID is set, so that a dead letter can be filed under it.
func Decode(payload []byte) (Click, error) {
	var c Click
	version := uint64(0)
	for text := string(payload); len(payload) > 0; {
		field, wire, n := protowire.ConsumeTag(payload)
		if n < 0 {
			return c, fmt.Errorf("%w: bad tag", ErrPayload)
		}
		payload = payload[n:]
		size := 0
		switch wire {
		case protowire.VarintType:
			var v uint64
			if v, size = protowire.ConsumeVarint(payload); size >= 0 {
				if field == fieldVersion {
					version = v
				} else if !c.setUint(field, v) {
					return c, fmt.Errorf("%w: field %d holds %d", ErrPayload, field, v)
				}
			}
		case protowire.BytesType:
			var v []byte
			if v, size = protowire.ConsumeBytes(payload); size >= 0 {
				end := len(text) - len(payload) + size
				if !c.setText(field, text[end-len(v):end]) {
					return c, fmt.Errorf("%w: field %d has %d bytes", ErrPayload, field, len(v))
				}
			}
		default:
			size = protowire.ConsumeFieldValue(field, wire, payload)
		}
		if size < 0 {
			return c, fmt.Errorf("%w: field %d is cut short", ErrPayload, field)
		}
		payload = payload[size:]
	}
	return c, c.valid(version)
}

func (c *Click) valid(version uint64) error {
	switch {
	case version > Version:
		return fmt.Errorf("%w: %d, this program knows %d", ErrVersion, version, Version)
	case version == 0 || c.ID == ID{}:
		return fmt.Errorf("%w: no version or no event id", ErrPayload)
	case c.Method != GET && c.Method != HEAD:
		return fmt.Errorf("%w: method %d", ErrPayload, c.Method)
	}
	return nil
}

func (c *Click) setUint(field protowire.Number, v uint64) bool {
	limit := uint64(1<<32 - 1)
	switch field {
	case fieldLink:
		c.Link, limit = v, 1<<63-1
	case fieldOrdinal:
		c.Ordinal = uint32(v)
	case fieldAccount:
		c.Account = uint32(v)
	case fieldCampaign:
		c.Campaign, limit = v, 1<<63-1
	case fieldDomain:
		c.Domain = uint32(v)
	case fieldMethod:
		c.Method, limit = Method(v), 255
	case fieldFlags:
		c.Flags = Flags(v)
	default:
		return true // a field of a later minor change
	}
	return v <= limit
}

func (c *Click) setText(field protowire.Number, v string) bool {
	switch field {
	case fieldID:
		copy(c.ID[:], v)
		return len(v) == IDSize
	case fieldToken:
		c.Token = v
		return len(v) <= MaxToken
	case fieldIP:
		c.IP = v
		return len(v) <= MaxIP
	case fieldUserAgent:
		c.UserAgent = v
		return len(v) <= MaxUserAgent
	case fieldReferrer:
		c.Referrer = v
		return len(v) <= MaxReferrer
	}
	return true
}
