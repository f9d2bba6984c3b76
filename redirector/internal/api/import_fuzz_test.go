package api

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"longtail/redirector/internal/problem"
)

// FuzzImport: whatever a file holds, each of its rows is a draft or a problem that names a line of it, and it ends.
func FuzzImport(f *testing.F) {
	for _, seed := range []string{"code,url\na,https://a.example/\n", "code,url\n\"a\nb\",\"", "\ufeffcode,url,tags\r\nx,y,a;b\r\n", "code,url\n\xff,\n", "code,url,expires_at\na,b,c\n", "code,url\n\n,\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		rows, err := newCSVRows(strings.NewReader(body), "")
		if err != nil {
			if problem.Of(err).Status != 422 {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		most := strings.Count(body, "\n") + strings.Count(body, "\r") + 1
		for n := 0; ; n++ {
			p, err := rows.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil || n > most || p.line < 1 || p.line > most || p.err != nil && problem.Of(p.err).Status != 422 {
				t.Fatalf("%q: row %d: %+v %v", body, n+1, p, err)
			}
		}
	})
}

// FuzzLines: lines come back as they were written, whatever stands in them.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "a\r\n\n\nb\r", "\n", strings.Repeat("x", 200) + "\ny"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		in := bufio.NewReaderSize(strings.NewReader(body), 64)
		for want := range strings.Lines(body) {
			got, err := readLine(in)
			want = strings.TrimRight(want, "\r\n")
			if errors.Is(err, errLong) && len(want) >= maxLine {
				continue
			}
			if err != nil || string(got) != want {
				t.Fatalf("%q: %q %v, want %q", body, got, err, want)
			}
		}
		if _, err := readLine(in); !errors.Is(err, io.EOF) {
			t.Fatalf("%q: more than its lines", body)
		}
	})
}
