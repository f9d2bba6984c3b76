package api_test

import (
	"encoding/json"
	"os"
	"testing"
	"unicode/utf8"
)

// naughty returns strings that break programs: the whole list beside the project, or some of its kinds.
func naughty(t *testing.T) (all []string) {
	t.Helper()
	data, err := os.ReadFile("../../../../shared/data/naughty-strings.json")
	if err != nil {
		return []string{"", "undefined", "NULL", "'", "\"", "`", "\\", "'; DROP TABLE links; --", "<script>alert(1)</script>", "=1+1", "田中さん", "👾🙇",
			"\u202e right to left", "a\u0300\u0301\u0302", "\u00a0", "\ufeff", "\u2028", "%s%n", "{{7*7}}", "${7*7}", "../../etc/passwd", "\x00", "1e309", "🏳\ufe0f"}
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestNaughtyStrings: every text comes back as it was sent, or is refused by a rule; nothing breaks.
func TestNaughtyStrings(t *testing.T) {
	r := newRig(t)
	kept, refused := 0, 0
	for i, text := range naughty(t) {
		body, err := json.Marshal(map[string]any{"url": "https://a.example/?i=" + string(rune('a'+i%26)), "name": text, "ref": text, "tags": []string{text}})
		if err != nil || !utf8.ValidString(text) {
			t.Fatal(err)
		}
		var got struct {
			Name, Ref string
			Tags      []string
			Errors    []struct{ Field, Rule string }
		}
		switch status := r.ask("POST", "/api/v1/links", string(body), &got); status {
		case 201, 200, 409:
			kept++
			if status == 201 && (got.Name != text || got.Ref != text || got.Tags[0] != text) {
				t.Errorf("%q came back as %+v", text, got)
			}
		case 422:
			refused++
			for _, e := range got.Errors {
				if e.Field == "" || e.Rule != "length" && e.Rule != "shape" {
					t.Errorf("%q: %+v", text, e)
				}
			}
		default:
			t.Errorf("%q: %d", text, status)
		}
	}
	t.Logf("S12: %d kept, %d refused by a rule", kept, refused)
}
