package rewrite

import (
	"slices"
	"testing"
)

func TestHeaderURLs(t *testing.T) {
	for text, want := range map[string][]string{
		"<https://a.example/u,1>, <mailto:x>": {"https://a.example/u,1", "mailto:x"}, "https://a.example/": {"https://a.example/"},
		"<https://a.example/\r\n u>": {"https://a.example/u"}, " <x": {"<x"}, "": {""},
	} {
		if got := HeaderURLs(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
}
