package link

import (
	"errors"
	"strings"
	"testing"
)

func TestCodeKey(t *testing.T) {
	key := CodeKey{1, 2, 3}
	seen := make(map[string]bool)
	for range 1000 {
		code := key.New()
		if !Generated(code) || !WellShaped(code) || !key.Checks(code) || seen[code] {
			t.Fatalf("%q is not a fresh code of the key", code)
		}
		seen[code] = true
	}
	other, passed := CodeKey{4}, 0
	for code := range seen {
		if other.Checks(code) {
			passed++
		}
	}
	if passed > 10 { // one in 1024 is expected
		t.Errorf("%d of 1000 codes pass the check of another key", passed)
	}
}

func TestCustom(t *testing.T) {
	for code, want := range map[string]string{
		"Spring-Sale_1": "spring-sale_1", "abc": "abc", strings.Repeat("a", 64): strings.Repeat("a", 64),
		"0123456789ai": "0123456789ai", // i is not in the generated alphabet
		"":             "!code_shape", "ab": "!code_shape", "-ab": "!code_shape", "ab_": "!code_shape", "a b": "!code_shape",
		"bücher": "!code_shape", "a/b": "!code_shape", strings.Repeat("a", 65): "!code_shape",
		"0123456789ab": "!generated_shape", "ABCDEFGHJKMN": "!generated_shape",
	} {
		got, err := Custom(code)
		if broken, ok := errors.AsType[*RuleError](err); ok {
			got = "!" + broken.Rule
		}
		if got != want {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
}

func TestForeign(t *testing.T) {
	for code, want := range map[string]string{
		"AbC": "abc", "x": "x", "-a_": "-a_", "0123456789ab": "0123456789ab", strings.Repeat("a", 64): strings.Repeat("a", 64),
		"": "!", "a b": "!", "a/b": "!", "a.b": "!", "ü": "!", strings.Repeat("a", 65): "!",
	} {
		got, err := Foreign(code)
		if broken, ok := errors.AsType[*RuleError](err); ok && broken.Rule == "code_shape" {
			got = "!"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
}
