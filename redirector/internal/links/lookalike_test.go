package links

import "testing"

func TestWarnings(t *testing.T) {
	for target, want := range map[string]bool{
		"https://www.example.com/a":         false,
		"https://127.0.0.1:8080/":           false,
		"https://münchen.example/":          false,
		"https://xn--mnchen-3ya.example/":   false,
		"https://пример.example/":           false, // an alphabet of its own, not to be mistaken
		"https://日本語テキスト.example/":          false,
		"https://shop日本.example/":           false,
		"https://аррӏе.com/":                true, // all Cyrillic
		"https://xn--80ak6aa92e.com/":       true, // the same, as it is sent
		"https://pаypal.com/":               true, // one Cyrillic letter among Latin ones
		"https://login.gοοgle.com/":         true, // Greek omicrons
		"https://xn--pypal-4ve.example/?x=": true,
	} {
		got := Warnings(target)
		if (len(got) > 0) != want {
			t.Errorf("%s: warnings %v; want one: %v", target, got, want)
		}
		for _, w := range got {
			if w.Code != WarningLookalike || w.Detail == "" {
				t.Errorf("%s: %+v", target, w)
			}
		}
	}
}
