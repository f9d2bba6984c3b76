package api_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"longtail/redirector/internal/account"
)

type keyView struct {
	ID, Key, Role, Name string
	Account             uint32
	Stopped             bool
	Rate                *int
	Hosts               []string
	ExpiresAt           *time.Time `json:"expires_at"`
	RevokedAt           *time.Time `json:"revoked_at"`
}

type domainView struct {
	Domain       string
	Account      uint32
	Default      bool
	Verified     bool
	FallbackURL  *string `json:"fallback_url"`
	Verification struct{ CNAME, TXT struct{ Name, Value string } }
}

type problemView struct {
	Code   string
	Detail string
	Errors []struct{ Field, Rule, Detail string }
}

func (p *problemView) rule() string {
	if len(p.Errors) == 0 {
		return p.Code
	}
	return p.Errors[0].Field + " " + p.Errors[0].Rule
}

func TestKeyLife(t *testing.T) {
	r := newRig(t)
	var k, read keyView
	r.want(201, r.ask("POST", "/api/v1/keys", `{"role":"write","name":"mailer","rate":7,"hosts":["Shop.example","*.shop.example"],"expires_at":"2090-01-01T00:00:00Z"}`, &k))
	if len(k.Key) != 43 || k.Key[3:11] != k.ID || k.Role != "write" || *k.Rate != 7 || len(k.Hosts) != 2 || k.Hosts[0] != "shop.example" || k.ExpiresAt.Year() != 2090 {
		t.Errorf("%+v", k)
	}
	r.want(200, r.ask("GET", "/api/v1/keys/"+k.ID, "", &read))
	if read.Key != "" || read.Name != "mailer" {
		t.Errorf("%+v", read)
	}
	r.key = k.Key
	var p problemView
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://www.shop.example/"}`, nil))
	r.want(422, r.ask("POST", "/api/v1/links", `{"url":"https://evil.example/"}`, &p))
	if p.rule() != "url target_host" {
		t.Errorf("%+v", p)
	}
	r.want(403, r.ask("GET", "/api/v1/keys", "", nil))
	r.key = bootstrap
	r.want(200, r.ask("PATCH", "/api/v1/keys/"+k.ID, `{"stopped":true,"hosts":null,"rate":null,"name":"old mailer"}`, &read))
	if !read.Stopped || read.Rate != nil || len(read.Hosts) != 0 || read.Name != "old mailer" || r.told != 1 {
		t.Errorf("%+v, told %d", read, r.told)
	}
	if stopped, err := r.db.StoppedKeys(t.Context()); err != nil || len(stopped) != 1 {
		t.Errorf("%v %v", stopped, err)
	}
	r.want(204, r.ask("DELETE", "/api/v1/keys/"+k.ID, "", nil))
	r.want(204, r.ask("DELETE", "/api/v1/keys/"+k.ID, "", nil))
	var all struct {
		Data []keyView
		Next *string
	}
	r.want(201, r.ask("POST", "/api/v1/keys", `{"role":"read"}`, nil))
	r.want(200, r.ask("GET", "/api/v1/keys?limit=1", "", &all))
	if len(all.Data) != 1 || all.Data[0].RevokedAt == nil || all.Next == nil {
		t.Fatalf("%+v", all)
	}
	r.want(200, r.ask("GET", "/api/v1/keys?limit=1&cursor="+*all.Next, "", &all))
	if len(all.Data) != 1 || all.Data[0].Role != "read" || all.Next != nil {
		t.Errorf("%+v", all)
	}
}

// A repeated creation is the same key, which nothing in the database can be made to tell, and only to who made it.
func TestKeysAreMadeOnce(t *testing.T) {
	r := newRig(t)
	var first, again struct{ ID, Key string }
	create := func(into any) int {
		return r.ask("POST", "/api/v1/keys", `{"role":"write"}`, into, "Idempotency-Key: k")
	}
	r.want(201, create(&first))
	r.want(201, create(&again))
	if first.Key == "" || again != first {
		t.Errorf("%+v, then %+v", first, again)
	}
	r.want(201, r.ask("POST", "/api/v1/keys", `{"role":"write"}`, nil))
	keys, err := r.db.ListKeys(t.Context(), 1)
	if err != nil || len(keys) != 2 {
		t.Errorf("%d keys, %v; one for the repetition, one without", len(keys), err)
	}
	for _, file := range []string{r.path, r.path + "-wal"} {
		if raw, err := os.ReadFile(file); err == nil && bytes.Contains(raw, []byte(first.Key)) {
			t.Errorf("%s holds the key", file)
		}
	}
	var p problemView
	r.want(422, r.ask("POST", "/api/v1/keys", `{"role":"read"}`, &p, "Idempotency-Key: k"))
	if p.rule() != "Idempotency-Key idempotency" {
		t.Errorf("another body: %+v", p)
	}
	admin, _, err := account.Create(t.Context(), r.db, account.NewKey{Account: 1, Role: account.Admin})
	if err != nil {
		t.Fatal(err)
	}
	r.key = admin
	r.want(422, create(&p))
	if p.rule() != "Idempotency-Key idempotency" {
		t.Errorf("another key of the account: %+v", p)
	}
}

func TestKeyRules(t *testing.T) {
	r := newRig(t)
	admin, _, err := account.Create(t.Context(), r.db, account.NewKey{Account: 1, Role: account.Admin})
	if err != nil {
		t.Fatal(err)
	}
	var boss keyView
	r.want(201, r.ask("POST", "/api/v1/keys", `{"role":"operator"}`, &boss))
	r.key = admin
	for rule, c := range map[string]struct{ method, path, body string }{
		"role one_of":      {"POST", "/api/v1/keys", `{"role":"root"}`},
		"role role":        {"POST", "/api/v1/keys", `{"role":"operator"}`},
		"rate range":       {"POST", "/api/v1/keys", `{"role":"read","rate":-1}`},
		"hosts shape":      {"POST", "/api/v1/keys", `{"role":"read","hosts":["a b"]}`},
		"expires_at range": {"POST", "/api/v1/keys", `{"role":"read","expires_at":"2020-01-01T00:00:00Z"}`},
		"name length":      {"POST", "/api/v1/keys", `{"role":"read","name":"` + strings.Repeat("x", 129) + `"}`},
		"secret unknown":   {"POST", "/api/v1/keys", `{"role":"read","secret":"x"}`},
		"role fixed":       {"PATCH", "/api/v1/keys/" + boss.ID, `{"role":"read"}`},
		"forbidden":        {"DELETE", "/api/v1/keys/" + boss.ID, ""},
		"not_found":        {"PATCH", "/api/v1/keys/short", `{}`},
	} {
		var p problemView
		status := r.ask(c.method, c.path, c.body, &p)
		if p.rule() != rule || status < 400 {
			t.Errorf("%s: %d %+v", rule, status, p)
		}
	}
}

func TestAccountLife(t *testing.T) {
	r := newRig(t)
	var a struct {
		Account         uint32
		Name            string
		Stopped         bool
		LockTargetHosts bool `json:"lock_target_hosts"`
	}
	r.want(201, r.ask("POST", "/api/v1/accounts", `{"name":"Zweite"}`, &a, "Idempotency-Key: once"))
	r.want(201, r.ask("POST", "/api/v1/accounts", `{"name":"Zweite"}`, &a, "Idempotency-Key: once"))
	if a.Account != 2 || a.Name != "Zweite" || a.Stopped {
		t.Errorf("%+v", a)
	}
	var k keyView
	r.want(201, r.ask("POST", "/api/v1/keys?account=2", `{"role":"admin"}`, &k))
	if k.Account != 2 {
		t.Errorf("%+v", k)
	}
	r.want(200, r.ask("PATCH", "/api/v1/accounts/2", `{"stopped":true,"lock_target_hosts":true}`, &a))
	if !a.Stopped || !a.LockTargetHosts {
		t.Errorf("%+v", a)
	}
	var p problemView
	r.want(422, r.ask("PATCH", "/api/v1/accounts/2", `{"name":null}`, &p))
	r.want(422, r.ask("POST", "/api/v1/accounts", `{}`, &p))
	if p.rule() != "name required" {
		t.Errorf("%+v", p)
	}
	r.key = k.Key
	var l linkView
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://a.example/"}`, &l))
	r.want(422, r.ask("PATCH", "/api/v1/links/"+l.Code, `{"url":"https://b.example/"}`, &p))
	if p.rule() != "url host_locked" {
		t.Errorf("%+v", p)
	}
	r.want(200, r.ask("PATCH", "/api/v1/links/"+l.Code, `{"url":"https://a.example/new"}`, nil))
	r.want(403, r.ask("GET", "/api/v1/accounts", "", nil))
}

func TestDomainLife(t *testing.T) {
	m := newMatrix(t)
	var d domainView
	m.want(201, m.as("own", "POST", "/api/v1/domains", `{"domain":"Click.Brand.example","default":true,"fallback_url":"https://brand.example/sorry"}`, &d))
	txt := d.Verification.TXT
	if d.Domain != "click.brand.example" || d.Account != 2 || d.Verified || !d.Default || *d.FallbackURL != "https://brand.example/sorry" ||
		txt.Name != "_longtail.click.brand.example" || !strings.HasPrefix(txt.Value, "longtail-domain=") || d.Verification.CNAME.Value != "go.example" {
		t.Errorf("%+v", d)
	}
	var p problemView
	create := func(body string) int { return m.as("own", "POST", "/api/v1/links", body, &p) }
	m.want(422, create(`{"url":"https://a.example/","domain":"click.brand.example"}`))
	if p.rule() != "domain domain_proof" {
		t.Errorf("%+v", p)
	}
	m.want(422, m.as("own", "POST", "/api/v1/domains/click.brand.example/verify", "", &p))
	if p.rule() != "domain domain_proof" || !strings.Contains(p.Errors[0].Detail, txt.Value) {
		t.Errorf("%+v", p)
	}
	m.dns.texts[txt.Name+"."] = []string{"v=spf1 -all", txt.Value}
	m.want(200, m.as("own", "POST", "/api/v1/domains/click.brand.example/verify", "", &d))
	if !d.Verified {
		t.Errorf("%+v", d)
	}
	var l struct{ Domain string }
	m.want(201, m.as("own", "POST", "/api/v1/links", `{"url":"https://a.example/","code":"spring"}`, &l))
	if l.Domain != "click.brand.example" {
		t.Errorf("%+v", l)
	}
	m.want(422, m.as("own", "DELETE", "/api/v1/domains/click.brand.example", "", &p))
	if p.rule() != "domain domain_used" {
		t.Errorf("%+v", p)
	}
	m.want(200, m.as("own", "PATCH", "/api/v1/domains/click.brand.example", `{"fallback_url":null,"default":false}`, &d))
	if d.FallbackURL != nil || d.Default {
		t.Errorf("%+v", d)
	}
	// Dead links lead to no tracking domain: not to their own, not to another account's, not to the installation's.
	for _, c := range []struct{ principal, method, path, body string }{
		{"own", "PATCH", "/api/v1/domains/click.brand.example", `{"fallback_url":"https://click.Brand.example/sorry"}`},
		{"own", "PATCH", "/api/v1/domains/click.brand.example", `{"fallback_url":"https://go.example"}`},
		{"other", "POST", "/api/v1/domains", `{"domain":"looping.example","fallback_url":"https://click.brand.example:443/"}`},
		{"other", "POST", "/api/v1/domains", `{"domain":"looping.example","fallback_url":"http://LOOPING.example/"}`},
	} {
		m.want(422, m.as(c.principal, c.method, c.path, c.body, &p))
		if p.rule() != "fallback_url url_loop" {
			t.Errorf("%s: %+v", c.body, p)
		}
	}
	m.want(409, m.as("other", "POST", "/api/v1/domains", `{"domain":"click.brand.example"}`, &p))
	if p.rule() != "domain taken" {
		t.Errorf("%+v", p)
	}
	m.want(201, m.as("operator", "POST", "/api/v1/domains?account=3", `{"domain":"third.example"}`, &d))
	if !d.Verified || d.Account != 3 {
		t.Errorf("what the operator vouches for: %+v", d)
	}
	// The same custom code on two domains is two links.
	m.want(201, m.as("other", "POST", "/api/v1/links", `{"url":"https://other.example/","code":"spring","domain":"third.example"}`, nil))
	m.want(404, m.as("own", "GET", "/api/v1/links/spring?domain=third.example", "", nil))
}

// What DNS says, and what it must not be taken for.
func TestVerify(t *testing.T) {
	m := newMatrix(t)
	verify := func(host string) (int, problemView) {
		var p problemView
		m.want(201, m.as("own", "POST", "/api/v1/domains", `{"domain":"`+host+`"}`, nil))
		return m.as("own", "POST", "/api/v1/domains/"+host+"/verify", "", &p), p
	}
	m.dns.aliases = map[string]string{
		"alias.example.": "GO.example.", "elsewhere.example.": "evil.example.", "itself.example.": "itself.example.",
		"through.example.": "balancer.example.", "go.example.": "balancer.example.",
	}
	for host, want := range map[string]int{"alias.example": 200, "through.example": 200, "elsewhere.example": 422, "itself.example": 422, "nothing.example": 422} {
		if status, p := verify(host); status != want {
			t.Errorf("%s: %d %+v, want %d", host, status, p, want)
		}
	}
	m.dns.down = true
	if status, p := verify("down.example"); status != 503 || !strings.Contains(p.Detail, "DNS") {
		t.Errorf("DNS down: %d %+v", status, p)
	}
	m.want(200, m.as("operator", "POST", "/api/v1/domains/down.example/verify?account=2", "", nil))
	// The proof of one account is none of another's.
	var own, other domainView
	m.want(201, m.as("own", "POST", "/api/v1/domains", `{"domain":"contested.example"}`, &own))
	m.want(201, m.as("other", "POST", "/api/v1/domains", `{"domain":"contested.example"}`, &other))
	m.dns.texts["_longtail.contested.example."] = []string{own.Verification.TXT.Value}
	m.want(503, m.as("other", "POST", "/api/v1/domains/contested.example/verify", "", nil))
	m.want(404, m.as("own", "POST", "/api/v1/domains/contested.example/verify", "", nil))
	m.want(201, m.as("own", "POST", "/api/v1/domains", `{"domain":"contested.example"}`, nil))
	m.want(200, m.as("own", "POST", "/api/v1/domains/contested.example/verify", "", nil))
}

func TestDomainRules(t *testing.T) {
	r := newRig(t)
	for _, host := range []string{"", "localhost", "a b.example", "a.example:80", "a.example/x", "192.0.2.1", "[::1]", "bücher.example", "a..example", "-a.example", "a.example.",
		"_a.example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 126) + "example"} {
		var p problemView
		if status := r.ask("POST", "/api/v1/domains", `{"domain":"`+host+`"}`, &p); status != 422 || p.Errors[0].Field != "domain" {
			t.Errorf("%q: %d %+v", host, status, p)
		}
	}
	var p problemView
	r.want(422, r.ask("POST", "/api/v1/domains", `{"domain":"a.example","fallback_url":"javascript:alert(1)"}`, &p))
	if p.rule() != "fallback_url url_scheme" {
		t.Errorf("%+v", p)
	}
	r.want(409, r.ask("POST", "/api/v1/domains", `{"domain":"go.example"}`, nil))
	r.want(422, r.ask("DELETE", "/api/v1/domains/go.example", "", nil))
}

func TestAudit(t *testing.T) {
	r := newRig(t)
	text, key, err := account.Create(t.Context(), r.db, account.NewKey{Account: 1, Role: account.Admin})
	if err != nil {
		t.Fatal(err)
	}
	r.key = text
	var l linkView
	r.want(201, r.ask("POST", "/api/v1/links", `{"url":"https://old.example/"}`, &l))
	r.want(200, r.ask("PATCH", "/api/v1/links/"+l.Code, `{"url":"https://new.example/","disabled":true}`, nil))
	r.want(200, r.ask("PATCH", "/api/v1/keys/"+key.ID.String(), `{"stopped":true,"expires_at":"2090-01-01T00:00:00Z"}`, nil))
	r.want(204, r.ask("DELETE", "/api/v1/links/"+l.Code, "", nil))
	type entry struct {
		At, Actor, Action, Object string
		Before, After             map[string]any
	}
	var log struct {
		Data []entry
		Next *string
	}
	r.want(200, r.ask("GET", "/api/v1/audit?limit=2", "", &log))
	if len(log.Data) != 2 || log.Next == nil || log.Data[0].Action != "link.delete" || log.Data[0].After["state"] != "deleted" {
		t.Fatalf("%+v", log)
	}
	stop := log.Data[1]
	if stop.Action != "key.stop" || stop.Object != key.ID.String() || stop.Before["role"] != "admin" || stop.After["expires_at"] != "2090-01-01T00:00:00.000Z" || stop.After["stopped_at"] == nil {
		t.Errorf("%+v", stop)
	}
	r.want(200, r.ask("GET", "/api/v1/audit?limit=2&cursor="+*log.Next, "", &log))
	edit := log.Data[0]
	if edit.Action != "link.update" || edit.Actor != key.ID.String() || edit.Object != l.Code || edit.Before["url"] != "https://old.example/" || edit.After["url"] != "https://new.example/" ||
		edit.Before["state"] != "live" || edit.After["state"] != "disabled" {
		t.Errorf("S19: %+v", edit)
	}
}

func TestTLSAllow(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		query, forwarded string
		want             int
	}{
		{"?domain=go.example", "", 200}, {"?domain=none.example", "", 404}, {"", "", 404}, {"?domain=go.example", "127.0.0.9", 200},
		{"?domain=go.example", "203.0.113.9", 403}, {"?domain=go.example", "203.0.113.9, 127.0.0.9", 403}, {"?domain=go.example", "nonsense", 200},
	} {
		r.key = ""
		if got := r.ask(http.MethodGet, "/api/v1/tls/allow"+c.query, "", nil, "X-Forwarded-For: "+c.forwarded); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
