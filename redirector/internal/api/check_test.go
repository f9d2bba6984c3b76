package api

import (
	"context"
	"slices"
	"strings"
	"testing"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/check"
	"longtail/shared/classify"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// asked is a Checker that remembers what it was asked.
type asked struct {
	click  check.Click
	host   string
	answer check.Answer
}

func (a *asked) Check(_ context.Context, l link.Link, host string, c check.Click) (check.Answer, error) {
	a.click, a.host = c, host+"/"+l.Code
	return a.answer, nil
}

func TestCheckLink(t *testing.T) {
	a := &asked{answer: check.Answer{Status: 302, Location: "https://a.example", Reason: check.Target, Recorded: true,
		Token: storage.TokenValid, Recipient: "r-1", Class: storage.Machine, Rule: classify.Crawler, UserAgent: "agent"}}
	r := newRig(t, func(o *Options) { o.Checker = a })
	l := into[linkView](t, r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example"}`)).body)
	path := "/api/v1/links/" + strings.ToUpper(l.Code) + "/check"
	got := r.want(200, r.ask("POST", path, `{"path":"/x","query":"q=1","user_agent":"u","token":"t"}`, "Authorization: Bearer "+r.keys.text[account.Read]))
	want := `{"status":302,"location":"https://a.example","recorded":true,"token":"valid","recipient":"r-1","class":"machine","class_reason":"crawler","user_agent":"agent","reason":"target"}`
	if strings.TrimSpace(got.body) != want || a.click != (check.Click{Path: "/x", Query: "q=1", UserAgent: "u", Token: "t"}) || a.host != "go.example/"+l.Code {
		t.Errorf("%s, asked %+v of %s", got.body, a.click, a.host)
	}
	a.answer = check.Answer{Status: 410, Reason: check.Expired}
	for _, body := range []string{"", "{}", `{"path":""}`} {
		got := r.want(200, r.ask("POST", path+"?domain=go.example", body))
		if strings.TrimSpace(got.body) != `{"status":410,"location":null,"recorded":false,"token":"none","recipient":null,"class":"unknown","class_reason":null,"user_agent":"","reason":"expired"}` || a.click != (check.Click{}) {
			t.Errorf("%q: %s", body, got.body)
		}
	}
	r.want(200, r.ask("POST", path, "", "Content-Type: application/x-www-form-urlencoded")) // curl -d ''
	wantProblem(t, "unknown field", r.ask("POST", path, `{"agent":"x"}`), 422, "invalid", "agent", "unknown")
	wantProblem(t, "type", r.ask("POST", path, `{"path":1}`), 422, "invalid", "path", "type")
	wantProblem(t, "no object", r.ask("POST", path, `[]`), 422, "invalid", "", "json")
	wantProblem(t, "form", r.ask("POST", path, `path=x`, "Content-Type: application/x-www-form-urlencoded"), 415, "media_type", "Content-Type", "media_type")
	wantProblem(t, "another's", r.ask("POST", path, "", "Authorization: Bearer "+r.keys.other), 404, "not_found", "", "")
	wantProblem(t, "none", r.ask("POST", "/api/v1/links/none/check", ""), 404, "not_found", "", "")
}

func TestCheckInOpenAPI(t *testing.T) {
	r := newRig(t, nil)
	doc := r.api.huma.OpenAPI()
	var reasons []string
	for _, reason := range check.Reasons {
		reasons = append(reasons, string(reason))
	}
	var listed []string
	for _, word := range doc.Components.Schemas.Map()["CheckView"].Properties["reason"].Enum {
		listed = append(listed, word.(string))
	}
	if !slices.Equal(listed, reasons) || doc.Paths["/api/v1/links/{code}/check"].Post.RequestBody.Required {
		t.Errorf("%v", listed)
	}
}
