package command

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseDay(t *testing.T) {
	fallback := time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("east", 3600)) // the last of February in UTC
	for text, want := range map[string]int32{
		"": 20260228, "2026-03-01": 20260301, "20260301": 20260301, "2024-02-29": 20240229, "20240229": 20240229,
	} {
		if got, err := parseDay(text, fallback); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "2026-02-29", "20260229", "2026-3-1", "2026-03-01T00:00:00Z", "2026-13-01", " 2026-03-01", "0", "-20260301"} {
		if got, err := parseDay(text, fallback); err == nil || !strings.Contains(err.Error(), "YYYY-MM-DD") {
			t.Errorf("%q: %d, %v; want an error that says what is wanted", text, got, err)
		}
	}
}

func TestLetterIDs(t *testing.T) {
	first, second := "0192f3a4b5c6d7e8f90123456789abcd", "00000000000000000000000000000001"
	ids, err := letterIDs([]string{first, strings.ToUpper(first), second})
	want := [][16]byte{
		{0x01, 0x92, 0xf3, 0xa4, 0xb5, 0xc6, 0xd7, 0xe8, 0xf9, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd},
		{0x01, 0x92, 0xf3, 0xa4, 0xb5, 0xc6, 0xd7, 0xe8, 0xf9, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd},
		{15: 1},
	}
	if err != nil || !slices.Equal(ids, want) {
		t.Errorf("%x, %v; want %x", ids, err, want)
	}
	for _, bad := range []string{"", "1", first[1:], first + "0", strings.Repeat("x", 32)} {
		if ids, err := letterIDs([]string{second, bad}); err == nil || ids != nil || !strings.Contains(err.Error(), `"`+bad+`"`) {
			t.Errorf("%q: %x, %v; want an error that names it", bad, ids, err)
		}
	}
}

// A choice is by ids or by a reason: nothing chosen must never mean everything.
func TestLetterChoice(t *testing.T) {
	for want, c := range map[string]letterChoice{"name the ids": {}, "not both": {IDs: []string{"1"}, Reason: "broken"}} {
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want an error with %q", c, err, want)
		}
	}
}
