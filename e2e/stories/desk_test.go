package stories

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"longtail/e2e/stack"
)

// desk is an email platform that has its mails rewritten, by an allinone of its own.
type desk struct {
	*stack.Program
	client http.Client
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{Program: stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: map[string]string{"LONGTAIL_BOOTSTRAP_KEY": testKey}})
		if err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})}
	d.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return d
}

// rewritten is what the call answers.
type rewritten struct {
	HTML  string
	Links []struct {
		Code, URL   string
		TrackedURL  string `json:"tracked_url"`
		Occurrences int
	}
	Skipped []struct {
		URL, Reason string
		Line        int
	}
}

func (d *desk) rewrite(t *testing.T, fields map[string]any) (r rewritten) {
	t.Helper()
	status, body := d.call(t, "/api/v1/rewrite", fields)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (d *desk) call(t *testing.T, path string, fields map[string]any) (int, []byte) {
	t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	res := d.do(t, http.MethodPost, d.APIURL()+path, bytes.NewReader(text))
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

// do sends a request and does not follow.
func (d *desk) do(t *testing.T, method, url string, body io.Reader) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(url, d.APIURL()) {
		req.Header.Set("Authorization", "Bearer "+testKey)
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := d.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// open asks for a URL and returns the status and where it leads.
func (d *desk) open(t *testing.T, url string) (int, string) {
	t.Helper()
	res := d.do(t, http.MethodGet, url, nil)
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location")
}

// credits counts a campaign's clicks by whom they are credited to and what their token was.
func (d *desk) credits(t *testing.T, campaign string) map[string]int {
	t.Helper()
	res := d.do(t, http.MethodGet, d.APIURL()+"/api/v1/clicks?format=ndjson&campaign="+campaign, nil)
	defer res.Body.Close()
	found := make(map[string]int)
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		var click struct{ Recipient, Token string }
		if err := json.Unmarshal(lines.Bytes(), &click); err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSpace(click.Recipient+" "+click.Token)]++
	}
	return found
}

// link is what the API says of a link.
func (d *desk) link(t *testing.T, code string) string {
	t.Helper()
	res := d.do(t, http.MethodGet, d.APIURL()+"/api/v1/links/"+code, nil)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s %v", res.StatusCode, body, err)
	}
	return string(body)
}

// spent is how long the program has computed, of all its threads.
func (d *desk) spent(t *testing.T) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(d.PID()) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // a hundred ticks a second, on every Linux
}

// shopMail is what mailsOf falls back on.
const shopMail = "<!--[if mso]><v:rect href=\"https://shop.example/?a=1&amp;b=2\"></v:rect><![endif]-->\r\n" +
	"<A HREF='https://shop.example/?a=1&amp;b=2'>x</a> <a href=https://shop.example/c>y</a> <a href=\"{{account}}\">z</a>"

// mailsOf returns the real mails beside the project, or one of our own.
func mailsOf(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("../../../shared/data/mail/*.html")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{"shop": shopMail}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(name)] = string(raw)
	}
	return found
}

// putBack replaces every tracked URL by its target.
func putBack(r rewritten) string {
	back := r.HTML
	for _, l := range r.Links {
		back = strings.ReplaceAll(back, l.TrackedURL, html.EscapeString(l.URL))
	}
	return back
}
