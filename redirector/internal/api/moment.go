package api

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/problem"
	"longtail/shared/link"
)

// moment is a time in ms UTC, as every JSON of this API writes it: 2026-11-24T12:00:00.000Z.
type moment int64

const momentLayout = "2006-01-02T15:04:05.000Z"

// Bounds of times that a caller may give: four digits of year.
var (
	firstMoment = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastMoment  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// String writes the moment.
func (m moment) String() string { return time.UnixMilli(int64(m)).UTC().Format(momentLayout) }

// MarshalJSON writes the moment.
func (m moment) MarshalJSON() ([]byte, error) { return []byte(`"` + m.String() + `"`), nil }

// UnmarshalJSON reads any RFC 3339 time.
func (m *moment) UnmarshalJSON(raw []byte) error {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		return &link.RuleError{Rule: problem.RuleType, Detail: "a string is wanted"}
	}
	if text == nil {
		*m = 0
		return nil
	}
	got, err := parseMoment(*text)
	*m = got
	return err
}

// Schema describes a moment.
func (m moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-11-24T12:00:00.000Z"}}
}

func parseMoment(text string) (moment, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, &link.RuleError{Rule: problem.RuleTime, Detail: "a time like 2026-11-24T12:00:00.000Z is wanted"}
	}
	if t.Before(firstMoment) || t.After(lastMoment) {
		return 0, &link.RuleError{Rule: problem.RuleRange, Detail: "a time between 1970 and 9999 is wanted"}
	}
	return moment(t.UnixMilli()), nil
}

// orNull writes 0 as null.
func orNull(ms int64) *moment {
	if ms == 0 {
		return nil
	}
	return new(moment(ms))
}

var _ huma.SchemaProvider = moment(0)
