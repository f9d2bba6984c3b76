package edge

import (
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	tests := []struct {
		path string
		want route
	}{
		{"/abc", route{code: "abc"}},
		{"/abc/", route{code: "abc"}},
		{"/abc.", route{code: "abc"}},
		{"/abc/.", route{code: "abc"}},
		{"/ABC", route{code: "abc"}},
		{"/abc%27", route{code: "abc", tail: true}},
		{"/abc'", route{code: "abc", tail: true}},
		{"/abc.%27", route{code: "abc", tail: true}},
		{"/abc/%27", route{code: "abc", tail: true}},
		{"/abc=", route{code: "abc", tail: true}},
		{"/abc)", route{code: "abc", tail: true}},
		{"/abc%", route{code: "abc", tail: true}},
		{"/abc%2", route{code: "abc", tail: true}},
		{"/abc%zz/x", route{code: "abc", tail: true}},
		{"/abc%00x", route{code: "abc", tail: true}},
		{"/abc\x00", route{code: "abc", tail: true}},
		{"/abc\xff\xfe", route{code: "abc", tail: true}},
		{"/abc&gt;", route{code: "abc", tail: true}},
		{"/abc;jsessionid=1/tok", route{code: "abc", tail: true}},
		{"/abc.html", route{code: "abc"}},
		{"/a_b-c", route{code: "a_b-c"}},
		{"/%61bc", route{code: "abc"}},
		{"/a%5Fb%2dc/r%2E1", route{code: "a_b-c", token: "r.1"}},
		{"/abc%2Frcpt.tag", route{code: "abc", token: "rcpt.tag"}},
		{"/abc%2527", route{code: "abc", tail: true}},
		{"/abc/rcpt.tag", route{code: "abc", token: "rcpt.tag"}},
		{"/abc/rcpt.tag/", route{code: "abc", token: "rcpt.tag"}},
		{"/abc/rcpt.tag.", route{code: "abc", token: "rcpt.tag"}},
		{"/abc/Rcpt.TAG", route{code: "abc", token: "Rcpt.TAG"}},
		{"/abc/rcpt.tag%27", route{code: "abc", token: "rcpt.tag", tail: true}},
		{"/abc/rcpt.tag=/x", route{code: "abc", token: "rcpt.tag", tail: true}},
		{"/abc/rcpt.tag/x", route{code: "abc", token: "rcpt.tag/x"}},
		{"/abc/rcpt", route{code: "abc", token: "rcpt"}},
		{"/abc//rcpt.tag", route{code: "abc", token: "/rcpt.tag"}},
		{"/abc/private", route{code: "abc", private: true}},
		{"/abc/Private/", route{code: "abc", private: true}},
		{"/abc/private.", route{code: "abc", private: true}},
		{"/abc/private%27", route{code: "abc", private: true, tail: true}},
		{"/abc/private/rcpt.tag", route{code: "abc", private: true}},
		{"/abc/private.tag", route{code: "abc", token: "private.tag"}},
		{"/abc/priv", route{code: "abc", token: "priv"}},
		{"/", route{}},
		{"", route{}},
		{"abc", route{}},
		{"//abc", route{}},
		{"/.", route{}},
		{"/%27abc", route{}},
		{"*", route{}},
	}
	for _, test := range tests {
		if got := parsePath(test.path); got != test.want {
			t.Errorf("parsePath(%q) = %+v, want %+v", test.path, got, test.want)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"/abc/rcpt.tag%27", "/%61%", "//", "/abc/private"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := parsePath(path)
		if strings.ToLower(r.code) != r.code || strings.ContainsAny(r.code, "/.%") {
			t.Errorf("code %q of %q", r.code, path)
		}
		for i := range len(r.token) {
			if !plainByte(r.token[i]) {
				t.Errorf("token %q of %q", r.token, path)
			}
		}
		if r.private && r.token != "" {
			t.Errorf("%q is private and has the token %q", path, r.token)
		}
	})
}

func TestForward(t *testing.T) {
	names := []string{"utm_source", "q", "name with space"}
	tests := []struct{ target, query, want string }{
		{"https://a.example/", "q=1", "https://a.example/?q=1"},
		{"https://a.example/?x=1", "q=1", "https://a.example/?x=1&q=1"},
		{"https://a.example/?", "q=1", "https://a.example/?q=1"},
		{"https://a.example/?x&", "q=1", "https://a.example/?x&q=1"},
		{"https://a.example/#f?x", "q=1", "https://a.example/?q=1#f?x"},
		{"https://a.example/?x=1#f", "q=1&utm_source=2", "https://a.example/?x=1&q=1&utm_source=2#f"},
		{"https://a.example/", "q=1&q=2", "https://a.example/?q=1&q=2"},
		{"https://a.example/", "other=1", "https://a.example/"},
		{"https://a.example/", "Q=1", "https://a.example/"},
		{"https://a.example/", "q", "https://a.example/?q="},
		{"https://a.example/", "q=%zz&utm_source=1", "https://a.example/?utm_source=1"},
		{"https://a.example/", "q=a%0d%0aSet-Cookie:x", "https://a.example/?q=a%0D%0ASet-Cookie%3Ax"},
		{"https://a.example/", "q=%23frag%26x%3d1", "https://a.example/?q=%23frag%26x%3D1"},
		{"https://a.example/", "q=\xff%fe", "https://a.example/?q=%FF%FE"},
		{"https://a.example/", "name%20with+space=1", "https://a.example/?name+with+space=1"},
		{"https://a.example/", "url=https://evil.example&q=//evil.example", "https://a.example/?q=%2F%2Fevil.example"},
		{"https://a.example/", "q=" + strings.Repeat("a", maxForwarded), "https://a.example/"},
		{"https://a.example/", "&&=&q=1&", "https://a.example/?q=1"},
	}
	for _, test := range tests {
		if got := forward(test.target, test.query, names); got != test.want {
			t.Errorf("forward(%q, %q) = %q, want %q", test.target, test.query, got, test.want)
		}
	}
}
