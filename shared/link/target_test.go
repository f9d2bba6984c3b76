package link

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestTarget(t *testing.T) {
	long := "https://example.com/" + strings.Repeat("a", MaxURL-20)
	for _, c := range []struct{ url, want string }{
		{"https://example.com", "https example.com "},
		{"https://example.com/a?b=c#d", "https example.com "},
		{"HTTPS://Example.COM/A", "https example.com "},
		{"http://example.com:80/", "http example.com "},
		{"http://example.com:443/", "http example.com 443"},
		{"https://example.com:8443/", "https example.com 8443"},
		{"https://a_b.example-c.com./", "https a_b.example-c.com. "},
		{"https://bücher.example/ä?ö=ü", "https xn--bcher-kva.example "},
		{"https://BÜCHER.example/", "https xn--bcher-kva.example "},
		{"https://xn--bcher-kva.example/", "https xn--bcher-kva.example "},
		{"https://faß.example/", "https xn--fa-hia.example "},
		{"http://192.0.2.1/", "http 192.0.2.1 "},
		{"http://[2001:DB8::0:1]:8080/", "http [2001:db8::1] 8080"},
		{"https://example.com/100%?x=%zz&a=[b]|{c}", "https example.com "},
		{"https://example.com?q=//user@host:pass", "https example.com "},
		{"https://example.com/@x:y", "https example.com "},
		{long, "https example.com "},

		{long + "a", RuleURLLength},
		{"", RuleURLAbsolute},
		{"example.com", RuleURLAbsolute},
		{"/path", RuleURLAbsolute},
		{"//example.com/", RuleURLAbsolute},
		{"http:example.com", RuleURLAbsolute},
		{"http:/example.com", RuleURLAbsolute},
		{"http:///example.com", RuleURLAbsolute},
		{"https://", RuleURLAbsolute},
		{"https://?q", RuleURLAbsolute},
		{"1http://example.com", RuleURLAbsolute},
		{"javascript:alert(1)", RuleURLScheme},
		{"data:text/html,x", RuleURLScheme},
		{"ftp://example.com/", RuleURLScheme},
		{"mailto:a@example.com", RuleURLScheme},
		{"view-source:https://example.com", RuleURLScheme},
		{"https://user@example.com/", RuleURLUserinfo},
		{"https://user:pw@example.com/", RuleURLUserinfo},
		{"https://good.example:80@evil.example/", RuleURLUserinfo},
		{"https://example.com/\r\nSet-Cookie: a=b", RuleURLControl},
		{"https://exa\tmple.com/", RuleURLControl},
		{"https://example.com/\x00", RuleURLControl},
		{"https://example.com/\u0085", RuleURLControl},
		{"https://example.com/\xff", RuleURLControl},
		{" https://example.com/", RuleURLAmbiguous},
		{"https://example.com/a b", RuleURLAmbiguous},
		{"https://example.com\\@evil.example/", RuleURLAmbiguous},
		{"https:\\\\example.com/", RuleURLAmbiguous},
		{"https://ex%61mple.com/", RuleURLAmbiguous},
		{"https://example.com%2f.evil.example/", RuleURLAmbiguous},
		{"http://127.1/", RuleURLAmbiguous},
		{"http://0x7f.0.0.1/", RuleURLAmbiguous},
		{"http://2130706433/", RuleURLAmbiguous},
		{"http://010.0.0.1/", RuleURLAmbiguous},
		{"http://1.2.3.4./", RuleURLAmbiguous},
		{"http://256.0.0.1/", RuleURLAmbiguous},
		{"http://example.0x/", RuleURLAmbiguous},
		{"https://ｅｘａｍｐｌｅ.com/", RuleURLAmbiguous},
		{"https://example。com/", RuleURLAmbiguous},
		{"http://[::ffff:1.2.3.4]/", RuleURLAmbiguous},
		{"http://[::1%25eth0]/", RuleURLHost},
		{"http://[::1/", RuleURLHost},
		{"http://[zz]/", RuleURLHost},
		{"https://a..example/", RuleURLHost},
		{"https://./", RuleURLHost},
		{"https://exam<ple.com/", RuleURLHost},
		{"https://xn--a/", RuleURLHost},
		{"https://" + strings.Repeat("a", 64) + ".example/", RuleURLHost},
		{"https://example.com:/", RuleURLPort},
		{"https://example.com:0/", RuleURLPort},
		{"https://example.com:65536/", RuleURLPort},
		{"https://example.com:080/", RuleURLPort},
		{"https://example.com:+80/", RuleURLPort},
		{"https://example.com:https/", RuleURLPort},
	} {
		if got := verdict(NewTarget(c.url)); got != c.want {
			t.Errorf("%.80q: %s, want %s", c.url, got, c.want)
		}
	}
}

func verdict(got Target, err error) string {
	if broken, ok := errors.AsType[*RuleError](err); ok {
		return broken.Rule
	}
	if err != nil {
		return "not a rule: " + err.Error()
	}
	return got.Scheme + " " + got.Host + " " + got.Port
}

// whatwg is one case of the web platform's URL tests.
type whatwg struct {
	Input, Protocol, Hostname, Port, Username, Password string
	Failure                                             bool
}

// TestS1 holds every URL that is accepted against a browser's reading of it.
func TestS1(t *testing.T) {
	cases := browserCases(t)
	accepted, failures := 0, 0
	for _, c := range cases {
		if c.Failure {
			failures++
		}
		got, err := NewTarget(c.Input)
		if err != nil {
			continue
		}
		accepted++
		if c.Failure {
			t.Errorf("%q: accepted, and no browser can read it", c.Input)
		} else if got.Scheme+":" != c.Protocol || got.Host != c.Hostname || got.Port != c.Port || c.Username+c.Password != "" {
			t.Errorf("%q: read as %+v, a browser reads %s//%s:%s", c.Input, got, c.Protocol, c.Hostname, c.Port)
		}
	}
	t.Logf("S1: %d cases, %d must fail, %d accepted, 0 disagreements wanted", len(cases), failures, accepted)
	if accepted == 0 || failures == 0 {
		t.Error("the cases try nothing")
	}
}

// browserCases reads the whole table from beside the project, or the small one in it.
func browserCases(t *testing.T) []whatwg {
	t.Helper()
	data, err := os.ReadFile("../../../shared/data/urltestdata.json")
	if err != nil {
		if data, err = os.ReadFile("testdata/urls.json"); err != nil {
			t.Fatal(err)
		}
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	var all []whatwg
	for _, one := range raw {
		var c whatwg
		if one[0] == '{' { // the others are headings
			if err := json.Unmarshal(one, &c); err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
	}
	return all
}

func FuzzTarget(f *testing.F) {
	for _, s := range []string{"https://example.com:8080/a?b#c", "http://[::1]/", "https://bücher.example", "http:\\\\a@b", "http://1.2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := NewTarget(raw)
		if err != nil {
			if v := verdict(got, err); !strings.HasPrefix(v, "url_") {
				t.Errorf("%q: %s", raw, v)
			}
			return
		}
		port := ""
		if got.Port != "" {
			port = ":" + got.Port
		}
		again, err := NewTarget(got.Scheme + "://" + got.Host + port + "/")
		if err != nil || again != got {
			t.Errorf("%q: read as %+v, and that as %+v, %v", raw, got, again, err)
		}
	})
}
