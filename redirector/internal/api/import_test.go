package api

import (
	"strings"
	"testing"

	"longtail/shared/link"
	"longtail/shared/storage"
)

func (r *rig) importCSV(query, body string) (answers []bulkLine, done bulkLine) {
	r.t.Helper()
	got := r.want(200, r.ask("POST", "/api/v1/links/import"+query, body, "Content-Type: text/csv; charset=utf-8"))
	for text := range strings.Lines(got.body) {
		answers = append(answers, into[bulkLine](r.t, text))
	}
	done = answers[len(answers)-1]
	return answers[:len(answers)-1], done
}

func TestImport(t *testing.T) {
	r := newRig(t, nil)
	const rows = "\ufeffcode,URL,campaign,tags,expires_at,name\r\n" +
		"AbC,https://a.example/1,spring,red; blue,2040-01-01T00:00:00Z,\"a, \"\"quoted\"\" name\r\nof two lines\"\r\n" + // a bad name
		"x,https://a.example/2,,,,\r\n" +
		"0123456789ab,https://a.example/3,,,,\r\n" +
		"-a_,\"https://a.example/?q=a,b\",spring,red;blue,,\r\n" +
		"a b,ftp://a.example,,,,\r\n" +
		",https://a.example/5,,,,\r\n" +
		"few,https://a.example/6\r\n" +
		"late,https://a.example/7,,,tomorrow,\r\n" +
		"x,https://elsewhere.example/,,,,\r\n"
	answers, done := r.importCSV("", rows)
	var got []string
	for _, a := range answers {
		if a.Error == nil {
			got = append(got, a.Code)
			continue
		}
		for _, f := range a.Error.Errors {
			got = append(got, f.Field+"/"+f.Rule+"@"+string('0'+rune(f.Line/10))+string('0'+rune(f.Line%10)))
		}
	}
	want := "name/shape@02 x 0123456789ab -a_ url/url_scheme@07 code/code_shape@07 code/shape@08 /csv@09 expires_at/time@10 code/taken@11"
	if strings.Join(got, " ") != want || done.Created != 3 || done.Failed != 6 {
		t.Errorf("%v\nwant %s\n%+v", got, want, done.bulkDone)
	}
	if !r.links.Hosts[0].ForeignCodes {
		t.Error("the domain is not marked")
	}
	_, done = r.importCSV("?domain=go.example", rows)
	if done.Created != 0 || done.Existing != 3 {
		t.Errorf("again: %+v", done.bulkDone)
	}
	r.want(200, r.ask("PATCH", "/api/v1/links/-A_", `{"name":"found by its foreign code"}`))
}

func TestImportHeader(t *testing.T) {
	r := newRig(t, nil)
	path := "/api/v1/links/import"
	for body, want := range map[string][2]string{
		"":                                {"", "csv"},
		"code\nx\n":                       {"url", "required"},
		"url\nhttps://a.example/\n":       {"code", "required"},
		"code,url,colour\nx,y,z\n":        {"colour", "unknown"},
		"code,url,Code\nx,y,z\n":          {"code", "csv"},
		"code;url\nx;y\n":                 {"code;url", "unknown"},
		"\"code,url\nx,https://a.example": {"", "csv"},
	} {
		wantProblem(t, body, r.ask("POST", path, body, "Content-Type: text/csv"), 422, "invalid", want[0], want[1])
	}
	wantProblem(t, "type", r.ask("POST", path, "code,url\n", "Content-Type: application/json"), 415, "media_type", "Content-Type", "media_type")
	answers, _ := r.importCSV("?domain=two.example", "code,url\nx,https://a.example/\n")
	if answers[0].Error == nil || answers[0].Error.Errors[0].Rule != "domain" || r.links.Hosts[1].ForeignCodes {
		t.Errorf("another account's domain: %+v", answers[0].Error)
	}
}

func TestTokens(t *testing.T) {
	r := newRig(t, nil)
	path := "/api/v1/campaigns/spring/tokens"
	got := r.want(200, r.ask("POST", path, `{"recipient":"R-18273"}`+"\n"+`{"recipient":"a@b.example"}`+"\n{}\n"+`{"recipient":"`+strings.Repeat("a", 64)+`"}`, "Content-Type: application/x-ndjson"))
	type answer struct {
		Recipient, Token string
		bulkLine
	}
	var all []answer
	for text := range strings.Lines(got.body) {
		all = append(all, into[answer](t, text))
	}
	key := link.NewCampaignKey([]byte("0123456789abcdef0123456789abcdef"), 1, "spring")
	if len(all) != 5 || !all[4].Done || all[4].Created != 2 || all[4].Failed != 2 {
		t.Fatal(got.body)
	}
	if who, ok := link.Verify(all[0].Token, key); !ok || who != "r-18273" || all[0].Recipient != "R-18273" {
		t.Errorf("%+v", all[0])
	}
	if f := all[1].Error.Errors[0]; f.Field != "recipient" || f.Rule != "shape" || f.Line != 2 {
		t.Errorf("an address: %+v", f)
	}
	if f := all[2].Error.Errors[0]; f.Rule != "required" || f.Line != 3 {
		t.Errorf("nobody: %+v", f)
	}
	wantProblem(t, "no campaign can have this id", r.ask("POST", "/api/v1/campaigns/a%20b/tokens", "{}"), 404, "not_found", "", "")
}

// TestLoneSurrogates: half a character is refused, not replaced by another one.
func TestLoneSurrogates(t *testing.T) {
	r := newRig(t, nil)
	for _, text := range []string{`\ud800`, `\udc00`, `\ud83d\ud83d`, `\ud83dx`, `\ud83d\n`, `\udc00\ud83d`, `a\uD800"`} {
		text = strings.TrimSuffix(text, `"`)
		wantProblem(t, text, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/`+text+`"}`), 422, "invalid", "url", "utf8")
	}
	for _, text := range []string{`\ud83d\ude00`, `\\ud800`, `\ufffd`, `\u00e4\\`, `\\\\`} {
		got := r.ask("POST", "/api/v1/links", `{"url":"https://a.example/","name":"`+text+`"}`)
		r.want(201, got)
	}
}

func TestReplayHasETag(t *testing.T) {
	r := newRig(t, nil)
	body := `{"url":"https://a.example/"}`
	first := r.want(201, r.ask("POST", "/api/v1/links", body, "Idempotency-Key: k"))
	again := r.want(201, r.ask("POST", "/api/v1/links", body, "Idempotency-Key: k"))
	if again.body != first.body || again.header.Get("Idempotent-Replay") != "true" || again.header.Get("ETag") != `"1"` || first.header.Get("ETag") != `"1"` {
		t.Errorf("%v, then %v", first.header, again.header)
	}
	bad := r.ask("POST", "/api/v1/links", `{"url":"ftp://a.example/"}`, "Idempotency-Key: k2")
	if again := r.ask("POST", "/api/v1/links", `{"url":"ftp://a.example/"}`, "Idempotency-Key: k2"); again.status != 422 || again.body != bad.body || again.header.Get("ETag") != "" {
		t.Errorf("%+v", again)
	}
}

// TestOwnTargets: a link, an edit and a redirect_all to a tracking domain are refused, whoever's it is.
func TestOwnTargets(t *testing.T) {
	r := newRig(t, nil)
	for _, url := range []string{"http://go.example:8080/x", "https://GO.example:8080", "http://go.example.:8080/", "http://two.example:8080/x"} {
		wantProblem(t, url, r.ask("POST", "/api/v1/links", `{"url":"`+url+`"}`), 422, "invalid", "url", "url_loop")
		wantProblem(t, url, r.ask("PUT", "/api/v1/campaigns/c", `{"redirect_all":"`+url+`"}`), 422, "invalid", "redirect_all", "url_loop")
	}
	l := into[linkView](t, r.want(201, r.ask("POST", "/api/v1/links", `{"url":"http://go.example:9090/another-server"}`)).body)
	wantProblem(t, "edit", r.ask("PATCH", "/api/v1/links/"+l.Code, `{"url":"http://go.example:8080/"}`), 422, "invalid", "url", "url_loop")
	r.want(200, r.ask("PATCH", "/api/v1/links/"+l.Code, `{"url":"http://www.go.example:8080/"}`))
	r.links.Hosts = append(r.links.Hosts, storage.Domain{ID: 3, Account: 2, Host: "claimed.example"}) // not proven: it forbids nobody anything
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"http://claimed.example:8080/"}`))
}
