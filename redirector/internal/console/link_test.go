package console

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Saving changes what was changed in the form: tags that were left alone stay as they are, whatever they hold.
func TestEditLink(t *testing.T) {
	r := newRig(t)
	cookie, csrf := r.signIn("the bootstrap key")
	var patched, match string
	r.instead = func(q *http.Request) (int, string) {
		if q.Method != http.MethodPatch {
			return 0, ""
		}
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		patched, match = string(body), q.Header.Get("If-Match")
		return 200, `{"code":"abc","domain":"go.example"}`
	}
	for tags, want := range map[string]string{
		"a,b, c":   `{"name":"new","url":"https://a.example/"}`,
		"red, tea": `{"name":"new","tags":["red","tea"],"url":"https://a.example/"}`,
		"":         `{"name":"new","tags":[],"url":"https://a.example/"}`,
	} {
		res := r.send("POST", "/console/links/abc", cookie, url.Values{
			"csrf": {csrf}, "do": {"save"}, "version": {"3"}, "url": {" https://a.example/ "}, "name": {"new"}, "tags": {tags}, "tags_were": {"a,b, c"},
		})
		if res.StatusCode != http.StatusSeeOther || patched != want || match != `"3"` {
			t.Errorf("tags %q: %s, patched %s if it matches %s; want %s", tags, res.Status, patched, match, want)
		}
	}
}

// Undoing a change makes the link what it was before, if nobody changed it meanwhile; a change that is not in the history
// any more is told.
func TestUndoLink(t *testing.T) {
	r := newRig(t)
	cookie, csrf := r.signIn("the bootstrap key")
	patched, status := "", 200
	r.instead = func(q *http.Request) (int, string) {
		switch {
		case q.Method == http.MethodPatch:
			body, err := io.ReadAll(q.Body)
			if err != nil {
				t.Error(err)
			}
			patched = string(body)
			return status, `{"status":412,"code":"abc","domain":"go.example"}`
		case strings.HasSuffix(q.URL.Path, "/history"):
			return 200, `{"data":[{"version":3,"before":{"url":"https://two.example/","state":"disabled","tags":["a"],"forward_query":["x"]}},
				{"version":2,"before":{"url":"https://one.example/","name":"one","state":"live","expires_at":"2026-12-01T00:00:00Z"}}]}`
		}
		return 0, ""
	}
	undo := func(change string) *http.Response {
		return r.send("POST", "/console/links/abc/undo?domain=go.example", cookie, url.Values{"csrf": {csrf}, "version": {"4"}, "change": {change}})
	}
	for change, want := range map[string]string{
		"3": `{"disabled":true,"expires_at":null,"forward_query":["x"],"name":"","tags":["a"],"url":"https://two.example/"}`,
		"2": `{"disabled":false,"expires_at":"2026-12-01T00:00:00.000Z","forward_query":null,"name":"one","tags":null,"url":"https://one.example/"}`,
	} {
		if res := undo(change); res.StatusCode != http.StatusSeeOther || patched != want {
			t.Errorf("undo %s: %s, patched %s; want %s", change, res.Status, patched, want)
		}
	}
	if res := undo("9"); res.StatusCode != http.StatusNotFound {
		t.Errorf("a change that is not there: %s; want 404", res.Status)
	}
	status = 412
	if res := undo("3"); res.StatusCode != 422 || !strings.Contains(r.body(res), "Somebody else changed this link meanwhile.") {
		t.Errorf("changed meanwhile: %s; want 422 that says so", res.Status)
	}
}
