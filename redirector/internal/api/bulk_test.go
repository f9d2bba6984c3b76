package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"longtail/redirector/internal/problem"
)

// bulkLine is any line of an answer.
type bulkLine struct {
	Code, URL string
	Error     *problem.Problem
	bulkDone
}

func (r *rig) bulk(body string, headers ...string) (answers []bulkLine, done bulkLine) {
	r.t.Helper()
	got := r.want(200, r.ask("POST", "/api/v1/links/bulk", body, append([]string{"Content-Type: application/x-ndjson"}, headers...)...))
	if got.header.Get("Content-Type") != "application/x-ndjson" {
		r.t.Errorf("%v", got.header)
	}
	for text := range strings.Lines(got.body) {
		answers = append(answers, into[bulkLine](r.t, text))
	}
	done = answers[len(answers)-1]
	if !done.Done {
		r.t.Fatalf("the last line is not done: %s", got.body)
	}
	return answers[:len(answers)-1], done
}

func TestBulk(t *testing.T) {
	r := newRig(t, nil)
	var body strings.Builder
	for i := range 1203 {
		if i == 6 {
			body.WriteString(`{"url":"ftp://a.example","campaign":"!"}` + "\n")
			continue
		}
		fmt.Fprintf(&body, `{"url":"https://a.example/%d","ref":"r%d"}`+"\n", i, i)
	}
	answers, done := r.bulk(body.String())
	if len(answers) != 1203 || done.Created != 1202 || done.Existing != 0 || done.Failed != 1 || r.links.Warmed != 1202 {
		t.Fatalf("%d answers, %+v, %d warm", len(answers), done.bulkDone, r.links.Warmed)
	}
	for i, a := range answers {
		if i == 6 {
			if a.Error == nil || len(a.Error.Errors) != 2 || a.Error.Errors[0].Line != 7 || a.Error.Errors[0].Rule != "url_scheme" {
				t.Errorf("line 7: %+v", a.Error)
			}
		} else if a.URL != fmt.Sprintf("https://a.example/%d", i) {
			t.Fatalf("line %d: %+v", i+1, a)
		}
	}
	again, done := r.bulk(body.String(), "Content-Encoding: ")
	if done.Created != 0 || done.Existing != 1202 || done.Failed != 1 || again[9].Code != answers[9].Code {
		t.Errorf("again: %+v", done.bulkDone)
	}
}

func TestBulkLines(t *testing.T) {
	r := newRig(t, nil)
	good := `{"url":"https://a.example"}`
	for name, c := range map[string]struct {
		body string
		want string // c created, or the rule of each failed line
	}{
		"empty":            {"", ""},
		"no end":           {good, "c"},
		"CRLF":             {good + "\r\n" + good + "\r\n", "c c"},
		"blank line":       {good + "\n\n" + good, "c json c"},
		"not JSON":         {"x\n[1]\n" + good, "json json c"},
		"unknown field":    {`{"link":"https://a.example"}`, "unknown"},
		"bad text":         {"\xff", "utf8"},
		"long line":        {`{"name":"` + strings.Repeat("a", maxLine) + "\"}\n" + good, "max_bytes c"},
		"taken":            {`{"url":"https://a.example","code":"abc"}` + "\n" + `{"url":"https://a.example","code":"abc"}`, "c taken"},
		"ref of other url": {`{"url":"https://a.example","ref":"x"}` + "\n" + `{"url":"https://b.example","ref":"x"}`, "c ref_conflict"},
	} {
		answers, done := r.bulk(c.body)
		var got []string
		for i, a := range answers {
			switch {
			case a.Error == nil:
				got = append(got, "c")
			case a.Error.Errors[0].Line != i+1:
				t.Errorf("%s: line %d says %+v", name, i+1, a.Error)
			default:
				got = append(got, a.Error.Errors[0].Rule)
			}
		}
		if strings.Join(got, " ") != c.want || done.Created+done.Failed != len(answers) {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

func TestBulkLimits(t *testing.T) {
	r := newRig(t, nil)
	path, lines := "/api/v1/links/bulk", strings.Repeat("{}\n", maxLines)
	wantProblem(t, "lines", r.ask("POST", path, lines+"{}"), 413, "too_large", "", "max_lines")
	wantProblem(t, "bytes", r.ask("POST", path, strings.Repeat(" ", maxBulk+1)), 413, "too_large", "", "max_bytes")
	wantProblem(t, "type", r.ask("POST", path, "{}", "Content-Type: text/csv"), 415, "media_type", "Content-Type", "media_type")
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 65 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	z.Close()
	wantProblem(t, "bomb", r.ask("POST", path, bomb.String(), "Content-Encoding: gzip"), 413, "too_large", "", "max_bytes")
	wantProblem(t, "cut gzip", r.ask("POST", path, bomb.String()[:bomb.Len()/2], "Content-Encoding: gzip"), 422, "invalid", "", "encoding")
	if r.links.Warmed != 0 {
		t.Error("links were made")
	}
	var small bytes.Buffer
	z = gzip.NewWriter(&small)
	z.Write([]byte(`{"url":"https://a.example"}`))
	z.Close()
	if _, done := r.bulk(small.String(), "Content-Encoding: gzip"); done.Created != 1 {
		t.Errorf("gzip: %+v", done)
	}
	if left, err := os.ReadDir(r.api.dir); err != nil || len(left) != 0 {
		t.Errorf("files left: %v %v", left, err)
	}
}

// TestBulkWritesFirst is a client that sends everything before it reads anything.
func TestBulkWritesFirst(t *testing.T) {
	r := newRig(t, nil)
	const n = 60_000
	body := strings.Repeat(`{"url":"https://a.example/some/longer/path"}`+"\n", n)
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, err = fmt.Fprintf(conn, "POST /api/v1/links/bulk HTTP/1.0\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%s", bootstrap, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(answer, []byte(`{"code":`)); got != n || !bytes.HasSuffix(answer, []byte(`{"done":true,"created":60000,"existing":0,"failed":0}`+"\n")) {
		t.Errorf("%d answers", got)
	}
	if r.links.Warmed != bulkWarm || r.links.Shared != n-bulkWarm {
		t.Errorf("%d links in memory and %d shared only", r.links.Warmed, r.links.Shared)
	}
}

// TestBulkCut: when the store goes away, the answer ends without its last line.
func TestBulkCut(t *testing.T) {
	r := newRig(t, nil)
	r.links.Down = http.ErrServerClosed
	req, _ := http.NewRequestWithContext(t.Context(), "POST", r.url+"/api/v1/links/bulk", strings.NewReader(`{"url":"https://a.example"}`))
	req.Header.Set("Authorization", "Bearer "+bootstrap)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil || strings.Contains(string(text), "done") {
			t.Errorf("the answer ended well: %s", text)
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{`{"url":"https://a.example","tags":["a"]}`, `{"url":null}`, `{"expires_at":"2026-01-01T00:00:00Z"}`, "{}", "\xff", `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		draft, err := parseLine(raw, nil)
		if err == nil {
			_, err = json.Marshal(draft)
		}
		if err != nil {
			p := problem.Of(err).AtLine(1)
			if p.Status != 422 || p.Errors[0].Line != 1 || p.Errors[0].Rule == "" {
				t.Errorf("%q: %+v", raw, p)
			}
		}
	})
}
