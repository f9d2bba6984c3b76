package api

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"longtail/redirector/internal/problem"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Paging are the parameters of every list.
type Paging struct {
	Cursor string `query:"cursor" doc:"next of the page before."`
	Limit  string `query:"limit" doc:"1 to 1000; 100 if not given."`
}

// page is a piece of a list.
type page[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next" doc:"The cursor of the next page; null at the end."`
}

// parse reads the parameters of a list. scope says which list with which filter: a cursor of another one is refused.
func (p *Paging) parse(scope string) (place []byte, limit int, err error) {
	var bad problem.Fields
	limit = defaultLimit
	if p.Limit != "" {
		if limit, err = strconv.Atoi(p.Limit); err != nil || limit < 1 || limit > maxLimit {
			bad.Add("limit", problem.RuleRange, "a number from 1 to 1000")
		}
	}
	place, ok := parseCursor(scope, p.Cursor)
	if !ok {
		bad.Add("cursor", problem.RuleCursor, "not a cursor of this list")
	}
	return place, limit, bad.Err()
}

// number is parse for lists whose places are numbers; 0 is the beginning.
func (p *Paging) number(scope string) (at uint64, limit int, err error) {
	place, limit, err := p.parse(scope)
	if err != nil || place == nil {
		return 0, limit, err
	}
	return binary.BigEndian.Uint64(append(make([]byte, 8), place...)[len(place):]), limit, nil
}

// numberCursor names a place that is a number; 0 is the end.
func numberCursor(scope string, at uint64) *string {
	if at == 0 {
		return nil
	}
	return cursor(scope, binary.BigEndian.AppendUint64(nil, at))
}

// cursor names a place in a list: the place, and 4 bytes of a checksum over it and the list's scope. nil is the end.
func cursor(scope string, place []byte) *string {
	if place == nil {
		return nil
	}
	return new(base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(place, scopeSum(scope, place))))
}

// parseCursor reads what cursor wrote; "" is the beginning, nil.
func parseCursor(scope, text string) (place []byte, ok bool) {
	if text == "" {
		return nil, true
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 5 {
		return nil, false
	}
	place = b[: len(b)-4 : len(b)-4]
	return place, binary.BigEndian.Uint32(b[len(b)-4:]) == scopeSum(scope, place)
}

func scopeSum(scope string, place []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(scope+"\x00")), crc32.IEEETable, place)
}
