package api

import (
	"net/http"
	"strings"
	"testing"

	"longtail/redirector/internal/account"
)

const target = `{"url":"https://shop.example/a?b=c&d=<e>"}`

func TestLinkLife(t *testing.T) {
	r := newRig(t, nil)
	got := r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://shop.example/a?b=c&d=<e>","campaign":"spring:1","name":"Über","tags":["a","b","a"],"ref":"r1","expires_at":"2030-01-02T03:04:05+01:00","forward_query":["x"]}`))
	if !strings.Contains(got.body, `"url":"https://shop.example/a?b=c&d=<e>"`) {
		t.Errorf("the url is not byte for byte: %s", got.body)
	}
	l := into[linkView](t, got.body)
	if l.TrackedURL != "http://go.example:8080/"+l.Code || len(l.Code) != 12 || l.Campaign != "spring:1" || l.Domain != "go.example" ||
		l.Name != "Über" || len(l.Tags) != 2 || l.State != "live" || l.ExpiresAt.String() != "2030-01-02T02:04:05.000Z" || *l.Ref != "r1" {
		t.Errorf("%+v", l)
	}
	if r.links.Warmed != 1 {
		t.Errorf("%d links written through", r.links.Warmed)
	}
	again := r.want(200, r.ask("POST", "/api/v1/links", `{"url":"https://shop.example/a?b=c&d=<e>","ref":"r1"}`))
	if into[linkView](t, again.body).Code != l.Code {
		t.Error("a ref has two links")
	}
	path := "/api/v1/links/" + strings.ToUpper(l.Code)
	tag := r.want(200, r.ask("GET", path, "")).header.Get("ETag")
	edited := r.want(200, r.ask("PATCH", path, `{"url":"https://shop.example/new","expires_at":null,"disabled":true}`, "If-Match: "+tag, "Content-Type: application/merge-patch+json"))
	l = into[linkView](t, edited.body)
	if l.URL != "https://shop.example/new" || l.ExpiresAt != nil || l.State != "disabled" || l.Name != "Über" || r.links.Changed != 1 {
		t.Errorf("%+v", l)
	}
	wantProblem(t, "old ETag", r.ask("PATCH", path, `{"name":"x"}`, "If-Match: "+tag), 412, "stale", "", "")
	wantProblem(t, "old ETag", r.ask("DELETE", path, "", "If-Match: "+tag), 412, "stale", "", "")
	r.want(200, r.ask("PATCH", path, `{"disabled":false}`, "If-Match: *"))
	history := into[page[versionView]](t, r.want(200, r.ask("GET", path+"/history", "")).body)
	if len(history.Data) != 2 || history.Data[1].Before.URL != "https://shop.example/a?b=c&d=<e>" || history.Next != nil {
		t.Errorf("%+v", history)
	}
	r.want(204, r.ask("DELETE", path, ""))
	r.want(204, r.ask("DELETE", path, ""))
	if got := into[linkView](t, r.want(200, r.ask("GET", path, "")).body); got.State != "deleted" {
		t.Errorf("%+v", got)
	}
	wantProblem(t, "edit of a deleted one", r.ask("PATCH", path, `{"name":"x"}`), 422, "invalid", "code", "deleted")
}

func TestListLinks(t *testing.T) {
	r := newRig(t, nil)
	for _, body := range []string{`{"url":"https://a.example/1","tags":["red"]}`, `{"url":"https://a.example/2","campaign":"c"}`, `{"url":"https://a.example/3","tags":["red"]}`} {
		r.want(201, r.ask("POST", "/api/v1/links", body))
	}
	first := into[page[linkView]](t, r.want(200, r.ask("GET", "/api/v1/links?limit=2", "")).body)
	if len(first.Data) != 2 || first.Data[0].URL != "https://a.example/3" || first.Next == nil {
		t.Fatalf("%+v", first)
	}
	rest := into[page[linkView]](t, r.want(200, r.ask("GET", "/api/v1/links?limit=2&cursor="+*first.Next, "")).body)
	if len(rest.Data) != 1 || rest.Data[0].URL != "https://a.example/1" || rest.Next != nil {
		t.Errorf("%+v", rest)
	}
	for query, want := range map[string]int{"tag=red": 2, "campaign=c": 1, "campaign=none": 0, "q=example/2": 1} {
		if got := into[page[linkView]](t, r.want(200, r.ask("GET", "/api/v1/links?"+query, "")).body); len(got.Data) != want || got.Data == nil {
			t.Errorf("%s: %+v", query, got)
		}
	}
	wantProblem(t, "foreign cursor", r.ask("GET", "/api/v1/links?tag=red&cursor="+*first.Next, ""), 422, "invalid", "cursor", "cursor")
	wantProblem(t, "limit", r.ask("GET", "/api/v1/links?limit=0", ""), 422, "invalid", "limit", "range")
	wantProblem(t, "unknown parameter", r.ask("GET", "/api/v1/links?campaigns=c", ""), 422, "invalid", "campaigns", "unknown")
}

func TestProblems(t *testing.T) {
	r := newRig(t, nil)
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/","code":"taken-code","ref":"ref-1"}`))
	long := strings.Repeat("x", 600)
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code, field, rule        string
	}{
		{"no key", "GET", "/api/v1/links", "", []string{"Authorization: "}, 401, "unauthorized", "", ""},
		{"unknown key", "GET", "/api/v1/links", "", []string{"Authorization: Bearer lt_x"}, 401, "unauthorized", "", ""},
		{"basic", "GET", "/api/v1/links", "", []string{"Authorization: Basic " + bootstrap}, 401, "unauthorized", "", ""},
		{"reader writes", "POST", "/api/v1/links", target, []string{"Authorization: Bearer " + r.keys.text[account.Read]}, 403, "forbidden", "", ""},
		{"no such path", "GET", "/api/v1/nothing", "", nil, 404, "not_found", "", ""},
		{"no such path above", "GET", "/api/", "", nil, 404, "not_found", "", ""},
		{"no such method", "PUT", "/api/v1/links", "{}", nil, 405, "method_not_allowed", "", ""},
		{"no such link", "GET", "/api/v1/links/nothing", "", nil, 404, "not_found", "", ""},
		{"no code", "GET", "/api/v1/links/%21", "", nil, 404, "not_found", "", ""},
		{"no such domain", "GET", "/api/v1/links/taken-code?domain=x.example", "", nil, 404, "not_found", "", ""},
		{"another's link", "GET", "/api/v1/links/taken-code", "", []string{"Authorization: Bearer " + r.keys.other}, 404, "not_found", "", ""},
		{"another's link by domain", "GET", "/api/v1/links/taken-code?domain=go.example", "", []string{"Authorization: Bearer " + r.keys.other}, 404, "not_found", "", ""},
		{"another's domain", "POST", "/api/v1/links", `{"url":"https://a.example","domain":"two.example"}`, nil, 422, "invalid", "domain", "domain"},
		{"own code on the shared domain", "POST", "/api/v1/links", `{"url":"https://a.example","domain":"go.example","code":"mine"}`, []string{"Authorization: Bearer " + r.keys.other}, 422, "invalid", "code", "domain_code"},
		{"taken", "POST", "/api/v1/links", `{"url":"https://a.example","code":"TAKEN-code"}`, nil, 409, "taken", "code", "taken"},
		{"ref of another url", "POST", "/api/v1/links", `{"url":"https://b.example","ref":"ref-1"}`, nil, 409, "ref_conflict", "ref", "ref_conflict"},
		{"media type", "POST", "/api/v1/links", target, []string{"Content-Type: text/plain"}, 415, "media_type", "Content-Type", "media_type"},
		{"encoding", "POST", "/api/v1/links", target, []string{"Content-Encoding: br"}, 415, "media_type", "Content-Encoding", "encoding"},
		{"not gzip", "POST", "/api/v1/links", target, []string{"Content-Encoding: gzip"}, 422, "invalid", "", "encoding"},
		{"empty", "POST", "/api/v1/links", "", nil, 422, "invalid", "", "json"},
		{"broken", "POST", "/api/v1/links", `{"url":`, nil, 422, "invalid", "", "json"},
		{"list", "POST", "/api/v1/links", `[]`, nil, 422, "invalid", "", "json"},
		{"null", "POST", "/api/v1/links", `null`, nil, 422, "invalid", "", "json"},
		{"two", "POST", "/api/v1/links", target + target, nil, 422, "invalid", "", "json"},
		{"bad text", "POST", "/api/v1/links", "{\"url\":\"https://a.example/\xff\"}", nil, 422, "invalid", "", "utf8"},
		{"unknown field", "POST", "/api/v1/links", `{"url":"https://a.example","Code":"x"}`, nil, 422, "invalid", "Code", "unknown"},
		{"type", "POST", "/api/v1/links", `{"url":7}`, nil, 422, "invalid", "url", "type"},
		{"type of a list", "POST", "/api/v1/links", `{"tags":"a"}`, nil, 422, "invalid", "tags", "type"},
		{"time", "POST", "/api/v1/links", `{"expires_at":"tomorrow"}`, nil, 422, "invalid", "expires_at", "time"},
		{"type of a time", "POST", "/api/v1/links", `{"expires_at":7}`, nil, 422, "invalid", "expires_at", "type"},
		{"year", "POST", "/api/v1/links", `{"expires_at":"0001-01-01T00:00:00Z"}`, nil, 422, "invalid", "expires_at", "range"},
		{"no url", "POST", "/api/v1/links", `{}`, nil, 422, "invalid", "url", "required"},
		{"url rule", "POST", "/api/v1/links", `{"url":"https://u:p@a.example"}`, nil, 422, "invalid", "url", "url_userinfo"},
		{"empty campaign", "POST", "/api/v1/links", `{"url":"https://a.example","campaign":""}`, nil, 422, "invalid", "campaign", "shape"},
		{"empty code", "POST", "/api/v1/links", `{"url":"https://a.example","code":""}`, nil, 422, "invalid", "code", "shape"},
		{"empty ref", "POST", "/api/v1/links", `{"url":"https://a.example","ref":""}`, nil, 422, "invalid", "ref", "shape"},
		{"campaign", "POST", "/api/v1/links", `{"url":"https://a.example","campaign":"a b"}`, nil, 422, "invalid", "campaign", "shape"},
		{"code", "POST", "/api/v1/links", `{"url":"https://a.example","code":"-"}`, nil, 422, "invalid", "code", "code_shape"},
		{"generated code", "POST", "/api/v1/links", `{"url":"https://a.example","code":"0123456789ab"}`, nil, 422, "invalid", "code", "generated_shape"},
		{"name", "POST", "/api/v1/links", `{"url":"https://a.example","name":"` + long + `"}`, nil, 422, "invalid", "name", "length"},
		{"control", "POST", "/api/v1/links", `{"url":"https://a.example","name":"a\u0000"}`, nil, 422, "invalid", "name", "shape"},
		{"tag", "POST", "/api/v1/links", `{"url":"https://a.example","tags":[""]}`, nil, 422, "invalid", "tags", "length"},
		{"ref", "POST", "/api/v1/links", `{"url":"https://a.example","ref":"` + long + `"}`, nil, 422, "invalid", "ref", "length"},
		{"forward", "POST", "/api/v1/links", `{"url":"https://a.example","forward_query":["a=b"]}`, nil, 422, "invalid", "forward_query", "shape"},
		{"fixed", "PATCH", "/api/v1/links/taken-code", `{"campaign":"x"}`, nil, 422, "invalid", "campaign", "fixed"},
		{"patched url", "PATCH", "/api/v1/links/taken-code", `{"url":null}`, nil, 422, "invalid", "url", "required"},
		{"large", "POST", "/api/v1/links", `{"url":"` + strings.Repeat("a", maxJSON) + `"}`, nil, 413, "too_large", "", "max_bytes"},
	} {
		wantProblem(t, c.name, r.ask(c.method, c.path, c.body, c.headers...), c.status, c.code, c.field, c.rule)
	}
}

func TestEveryMistakeAtOnce(t *testing.T) {
	r := newRig(t, nil)
	got := r.ask("POST", "/api/v1/links", `{"url":"ftp://a.example","campaign":"!","code":"x","ref":"\u0001","tags":[""]}`)
	if n := strings.Count(got.body, `"rule"`); got.status != 422 || n != 5 {
		t.Errorf("%d fields in %s", n, got.body)
	}
}

func TestStoreDown(t *testing.T) {
	r := newRig(t, nil)
	r.links.Down = http.ErrServerClosed
	got := r.ask("POST", "/api/v1/links", target)
	wantProblem(t, "down", got, 503, "unavailable", "", "")
	if got.header.Get("Retry-After") == "" || strings.Contains(got.body, "closed") {
		t.Errorf("%v %s", got.header, got.body)
	}
}

func TestIdempotencyKey(t *testing.T) {
	r := newRig(t, nil)
	first := r.want(201, r.ask("POST", "/api/v1/links", target, "Idempotency-Key: k1"))
	again := r.want(201, r.ask("POST", "/api/v1/links", target, "Idempotency-Key: k1"))
	if first.body != again.body || again.header.Get("Content-Type") != first.header.Get("Content-Type") {
		t.Errorf("%s, then %s", first.body, again.body)
	}
	wantProblem(t, "other body", r.ask("POST", "/api/v1/links", `{"url":"https://b.example"}`, "Idempotency-Key: k1"), 422, "invalid", "Idempotency-Key", "idempotency")
	bad := r.ask("POST", "/api/v1/links", `{}`, "Idempotency-Key: k2")
	if repeat := r.ask("POST", "/api/v1/links", `{}`, "Idempotency-Key: k2"); repeat.body != bad.body || repeat.status != 422 {
		t.Errorf("%s, then %s", bad.body, repeat.body)
	}
	if _, err := r.once.BeginOnce(t.Context(), 1, "k3", [32]byte{}); err != nil {
		t.Fatal(err)
	}
	r.links.Down = http.ErrServerClosed
	r.want(503, r.ask("POST", "/api/v1/links", target, "Idempotency-Key: k4"))
	r.links.Down = nil
	r.want(201, r.ask("POST", "/api/v1/links", target, "Idempotency-Key: k4"))
}

func TestRateLimit(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Rates = account.NewRates(2, nil) })
	for range 4 {
		if got := r.want(200, r.ask("GET", "/api/v1/links", "")); got.header.Get("RateLimit-Limit") != "4" {
			t.Errorf("%v", got.header)
		}
	}
	got := r.ask("GET", "/api/v1/links", "")
	wantProblem(t, "fifth", got, 429, "rate_limited", "", "")
	if got.header.Get("Retry-After") != "1" || got.header.Get("RateLimit-Remaining") != "0" || got.header.Get("RateLimit") != `"key";r=0;t=2` || got.header.Get("RateLimit-Policy") != `"key";q=4;w=2` {
		t.Errorf("%v", got.header)
	}
	r.want(200, r.ask("GET", "/api/v1/links", "", "Authorization: Bearer "+bootstrap))
}
