package link

import (
	"strings"
	"testing"
)

// FuzzCode: a code that is accepted is found again as it was stored, and is never one that could be generated.
func FuzzCode(f *testing.F) {
	for _, seed := range []string{"Spring-Sale_1", "abc", "ab", "-a-", "0123456789ab", "b\u00fccher", "K\u212aK"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code, err := Custom(text)
		if err == nil && (!WellShaped(code) || Generated(code) || code != strings.ToLower(code)) {
			t.Errorf("%q is stored as %q", text, code)
		}
		if code, err := Foreign(text); err == nil && !ForeignShaped(code) {
			t.Errorf("%q is stored as %q", text, code)
		}
	})
}
