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
func (p *Paging) parse(scope string) (at uint64, limit int, err error) {
	var bad problem.Fields
	limit = defaultLimit
	if p.Limit != "" {
		if limit, err = strconv.Atoi(p.Limit); err != nil || limit < 1 || limit > maxLimit {
			bad.Add("limit", problem.RuleRange, "a number from 1 to 1000")
		}
	}
	at, ok := parseCursor(scope, p.Cursor)
	if !ok {
		bad.Add("cursor", problem.RuleCursor, "not a cursor of this list")
	}
	return at, limit, bad.Err()
}

// cursor names a place in a list: 8 bytes of place, 4 of a checksum over the list's scope.
func cursor(scope string, at uint64) *string {
	if at == 0 {
		return nil
	}
	b := binary.BigEndian.AppendUint64(nil, at)
	b = binary.BigEndian.AppendUint32(b, scopeSum(scope, b))
	return new(base64.RawURLEncoding.EncodeToString(b))
}

// parseCursor reads what cursor wrote; "" is the beginning.
func parseCursor(scope, text string) (at uint64, ok bool) {
	if text == "" {
		return 0, true
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != 12 || binary.BigEndian.Uint32(b[8:]) != scopeSum(scope, b[:8]) {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

func scopeSum(scope string, at []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(scope)), crc32.IEEETable, at)
}
