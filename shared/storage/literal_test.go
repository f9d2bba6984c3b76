package storage

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Every byte comes out of a literal as it went in, and none can end it.
func TestLiterals(t *testing.T) {
	for c := range 256 {
		for _, s := range []string{string([]byte{byte(c)}), "a" + string([]byte{byte(c)}), string([]byte{byte(c)}) + "'", ""} {
			got := string(appendBytes(nil, s))
			if inside, ok := strings.CutPrefix(got, "X'"); ok {
				b, err := hex.DecodeString(strings.TrimSuffix(inside, "'"))
				if err != nil || string(b) != s {
					t.Errorf("%q became %s", s, got)
				}
				continue
			}
			if inside := got[1 : len(got)-1]; got[0] != '\'' || got[len(got)-1] != '\'' || inside != s || strings.ContainsAny(inside, `'\`) {
				t.Errorf("%q became %s", s, got)
			}
		}
	}
}
