package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/rewrite"
)

// rewriting is the body of a request.
func rewriting(t *testing.T, fields map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (r *rig) rewrite(fields map[string]any) rewriteView {
	r.t.Helper()
	return into[rewriteView](r.t, r.want(200, r.ask("POST", "/api/v1/rewrite", rewriting(r.t, fields))).body)
}

func TestRewrite(t *testing.T) {
	r := newRig(t, nil)
	html := "<a href=\"https://shop.example/?a=1&amp;m={{m}}&amp;b=2\">x</a>\r\n<a href='https://shop.example/?a=1&b=2'>y</a>\r\n<a href=mailto:x@y>z</a><a href=https://shop.example/u?u=1>"
	got := r.rewrite(map[string]any{"campaign": "spring", "html": html, "text": "see https://shop.example/?a=1&b=2.", "token_placeholder": "{{t}}",
		"list_unsubscribe": "<mailto:u@shop.example>,\r\n <https://shop.example/u?u=1>"})
	if len(got.Links) != 2 || got.Links[0].Code != got.Links[1].Code {
		t.Fatalf("%+v", got.Links)
	}
	code := got.Links[0].Code
	base := "http://go.example:8080/" + code
	want := []rewrittenLink{{code, "https://shop.example/?a=1&b=2", base + "?m={{m}}", 1}, {code, "https://shop.example/?a=1&b=2", base, 2}}
	if !slices.Equal(got.Links, want) {
		t.Errorf("%+v", got.Links)
	}
	if *got.HTML != "<a href=\""+base+"/{{t}}?m={{m}}\">x</a>\r\n<a href='"+base+"/{{t}}'>y</a>\r\n<a href=mailto:x@y>z</a><a href=https://shop.example/u?u=1>" {
		t.Error(*got.HTML)
	}
	if *got.Text != "see "+base+"/{{t}}." {
		t.Error(*got.Text)
	}
	if !slices.Equal(got.Skipped, []skippedLink{{"mailto:x@y", "mailto", 3, "html"}, {"https://shop.example/u?u=1", "unsubscribe", 3, "html"}}) {
		t.Errorf("%+v", got.Skipped)
	}
	l := into[linkView](t, r.want(200, r.ask("GET", "/api/v1/links/"+code, "")).body)
	if l.URL != "https://shop.example/?a=1&b=2" || !slices.Equal(l.Forward, []string{"m"}) || l.Campaign != "spring" {
		t.Errorf("%+v", l)
	}
	again := r.rewrite(map[string]any{"campaign": "spring", "html": *got.HTML, "list_unsubscribe": []string{"https://shop.example/u?u=1"}})
	if *again.HTML != *got.HTML || len(again.Links) != 0 || again.Text != nil {
		t.Errorf("rewritten again: %+v", again)
	}
}

// TestOneCodeOfATarget: in every call, and what one of them wants passed on is passed on by the same link.
func TestOneCodeOfATarget(t *testing.T) {
	r := newRig(t, nil)
	first := r.rewrite(map[string]any{"campaign": "c", "html": `<a href="https://a.example/"><a href="https://a.example/?x={{x}}">`})
	second := r.rewrite(map[string]any{"campaign": "c", "text": "https://a.example/?y={{y}}"})
	other := r.rewrite(map[string]any{"campaign": "d", "text": "https://a.example/"})
	code := first.Links[0].Code
	if first.Links[1].Code != code || second.Links[0].Code != code || other.Links[0].Code == code {
		t.Errorf("%+v %+v %+v", first.Links, second.Links, other.Links)
	}
	l := into[linkView](t, r.want(200, r.ask("GET", "/api/v1/links/"+code, "")).body)
	if !slices.Equal(l.Forward, []string{"x", "y"}) || r.links.Changed != 1 {
		t.Errorf("%+v, %d changes", l, r.links.Changed)
	}
}

func TestRewriteDry(t *testing.T) {
	r := newRig(t, nil)
	got := r.ask("POST", "/api/v1/rewrite", `{"campaign":"c","html":"<a href=https://a.example/?x={{x}}><a href=https://a.example/><a href=#>","dry_run":true}`)
	if got.status != 200 || got.body != `{"links":[{"code":"","url":"https://a.example/","tracked_url":"","occurrences":1},{"code":"","url":"https://a.example/","tracked_url":"","occurrences":1}],"skipped":[{"url":"#","reason":"anchor","line":1,"part":"html"}]}`+"\n" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if found := into[page[linkView]](t, r.want(200, r.ask("GET", "/api/v1/links", "")).body); len(found.Data) != 0 {
		t.Errorf("a dry run made %+v", found.Data)
	}
}

func TestRewriteUTM(t *testing.T) {
	r := newRig(t, nil)
	r.want(201, r.ask("PUT", "/api/v1/campaigns/c", `{"utm":{"utm_source":"mail","medium":"email"}}`))
	for name, x := range map[string]struct {
		campaign string
		utm      any
		want     string
	}{
		"of the campaign": {"c", true, "https://a.example/?utm_medium=email&utm_source=mail"},
		"not asked for":   {"c", nil, "https://a.example/"},
		"refused":         {"c", false, "https://a.example/"},
		"of the request":  {"c", map[string]string{"utm_id": "a b"}, "https://a.example/?utm_id=a+b"},
		"new campaign":    {"new", true, "https://a.example/"},
	} {
		if got := r.rewrite(map[string]any{"campaign": x.campaign, "text": "https://a.example/", "utm": x.utm}); got.Links[0].URL != x.want {
			t.Errorf("%s: %+v", name, got.Links)
		}
	}
}

// TestRewriteStoreDown: the mail works all the same, and says what is not tracked.
func TestRewriteStoreDown(t *testing.T) {
	r := newRig(t, nil)
	html := `<a href="https://a.example/">x</a>` + "\n" + `<a href="https://b.example/{{x}}">`
	r.rewrite(map[string]any{"campaign": "c", "html": html, "dry_run": true}) // the domains are known now
	r.links.Down = errors.New("gone")
	got := r.rewrite(map[string]any{"campaign": "c", "html": html})
	if *got.HTML != html || len(got.Links) != 0 || len(got.Skipped) != 2 || got.Skipped[0] != (skippedLink{"https://a.example/", "not_stored", 1, "html"}) {
		t.Errorf("%+v", got)
	}
}

// TestRewriteRefusedTargets: what cannot be a link stays what it was, with the rule that says why, in a dry run too.
func TestRewriteRefusedTargets(t *testing.T) {
	r := newRig(t, nil)
	html := `<a href="http://two.example:8080/x?a=1&amp;b=2">loop</a>` + "\n" + `<a href="https://a.example/">`
	for _, dry := range []bool{true, false} {
		got := r.rewrite(map[string]any{"campaign": "c", "html": html, "dry_run": dry})
		if len(got.Links) != 1 || len(got.Skipped) != 1 || got.Skipped[0] != (skippedLink{"http://two.example:8080/x?a=1&b=2", "url_loop", 1, "html"}) {
			t.Errorf("dry run %v: %+v", dry, got)
		}
		if !dry && !strings.HasPrefix(*got.HTML, `<a href="http://two.example:8080/x?a=1&amp;b=2">loop</a>`) {
			t.Error(*got.HTML)
		}
	}
}

// TestRewriteTooManyNames: what cannot be passed on is no reason to break the link.
func TestRewriteTooManyNames(t *testing.T) {
	r := newRig(t, nil)
	var text strings.Builder
	for i := range 33 {
		text.WriteString("https://a.example/?" + strings.Repeat("x", i+1) + "={{x}} ")
	}
	got := r.rewrite(map[string]any{"campaign": "c", "text": text.String()})
	if *got.Text != text.String() || len(got.Skipped) != 33 || got.Skipped[0].Reason != string(rewrite.MergeTagInName) {
		t.Errorf("%+v", got)
	}
}

func TestRewriteProblems(t *testing.T) {
	r := newRig(t, nil)
	path := "/api/v1/rewrite"
	for _, c := range []struct {
		name, body       string
		headers          []string
		status           int
		code, field, say string
	}{
		{"reader", `{"campaign":"c","html":""}`, []string{"Authorization: Bearer " + r.keys.text[account.Read]}, 403, "forbidden", "", ""},
		{"no campaign", `{"html":""}`, nil, 422, "invalid", "campaign", "required"},
		{"campaign", `{"campaign":"a b","html":""}`, nil, 422, "invalid", "campaign", "shape"},
		{"no part", `{"campaign":"c"}`, nil, 422, "invalid", "html", "required"},
		{"type", `{"campaign":"c","html":7}`, nil, 422, "invalid", "html", "type"},
		{"unknown", `{"campaign":"c","html":"","HTML":""}`, nil, 422, "invalid", "HTML", "unknown"},
		{"another's domain", `{"campaign":"c","html":"","domain":"two.example"}`, nil, 422, "invalid", "domain", "domain"},
		{"empty domain", `{"campaign":"c","html":"","domain":""}`, nil, 422, "invalid", "domain", "shape"},
		{"placeholder", `{"campaign":"c","html":"","token_placeholder":"\">"}`, nil, 422, "invalid", "token_placeholder", "shape"},
		{"empty placeholder", `{"campaign":"c","html":"","token_placeholder":""}`, nil, 422, "invalid", "token_placeholder", "length"},
		{"utm", `{"campaign":"c","html":"","utm":7}`, nil, 422, "invalid", "utm", "type"},
		{"utm name", `{"campaign":"c","html":"","utm":{"A":"x"}}`, nil, 422, "invalid", "utm", "shape"},
		{"unsubscribe", `{"campaign":"c","html":"","list_unsubscribe":{}}`, nil, 422, "invalid", "list_unsubscribe", "type"},
		{"latin-1", "{\"campaign\":\"c\",\"html\":\"\xe4\"}", nil, 422, "invalid", "", "utf8"},
		{"media type", `{"campaign":"c","html":""}`, []string{"Content-Type: text/html"}, 415, "media_type", "Content-Type", "media_type"},
		{"11 MiB", `{"campaign":"c","html":"` + strings.Repeat("x", 11<<20) + `"}`, nil, 413, "too_large", "", "max_bytes"},
	} {
		wantProblem(t, c.name, r.ask("POST", path, c.body, c.headers...), c.status, c.code, c.field, c.say)
	}
	got := r.ask("POST", path, `{"campaign":"","domain":"two.example","token_placeholder":"?","utm":{"A":"x"}}`)
	if n := strings.Count(got.body, `"rule"`); got.status != 422 || n != 5 {
		t.Errorf("%d mistakes at once: %s", n, got.body)
	}
}

// TestRewriteSizes: the limit is that of the body after inflation, and a mail just below it is rewritten.
func TestRewriteSizes(t *testing.T) {
	r := newRig(t, nil)
	pack := func(n int) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(`{"campaign":"c","html":"<a href=https://a.example/>` + strings.Repeat("x", n) + `"}`))
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	wantProblem(t, "bomb", r.ask("POST", "/api/v1/rewrite", pack(maxRewrite), "Content-Encoding: gzip"), 413, "too_large", "", "max_bytes")
	got := into[rewriteView](t, r.want(200, r.ask("POST", "/api/v1/rewrite", pack(maxRewrite-60), "Content-Encoding: gzip")).body)
	if len(got.Links) != 1 || len(*got.HTML) < maxRewrite-60 {
		t.Errorf("%+v", got.Links)
	}
}

func TestUnsubscribeAddresses(t *testing.T) {
	var list addresses
	if err := json.Unmarshal([]byte(`["https://a.example/","<https://b.example/>"]`), &list); err != nil || !slices.Equal(list, addresses{"https://a.example/", "https://b.example/"}) {
		t.Errorf("%q %v", list, err)
	}
}
