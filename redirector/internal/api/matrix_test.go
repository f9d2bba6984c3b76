package api_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/api"
)

// A row says what a route answers about an object of account 2: to the admin of that account, to the admin of another
// one, and to the operator, whose own account is 1. Placeholders in path, query and body become the object's names.
type row struct {
	own, other, operator int
	query, body          string
}

// rows has one for every route: a new route without a row fails.
var rows = map[string]row{
	"create-link":         {own: 201, other: 201, operator: 201, body: `{"url":"https://a.example/"}`},
	"list-links":          {own: 200, other: 200, operator: 200, query: "?campaign={campaign}"},
	"get-link":            {own: 200, other: 404, operator: 404},
	"edit-link":           {own: 200, other: 404, operator: 404, body: `{"name":"new"}`},
	"delete-link":         {own: 204, other: 404, operator: 404},
	"link-history":        {own: 200, other: 404, operator: 404},
	"create-links":        {own: 200, other: 200, operator: 200, body: `{"url":"https://a.example/"}`},
	"import-links":        {own: 200, other: 200, operator: 200, body: "code,url\nabc,https://a.example/\n"},
	"make-tokens":         {own: 200, other: 200, operator: 200, body: `{"recipient":"r-1"}`}, // other keys, as with signing-keys
	"check-link":          {own: 200, other: 404, operator: 404, body: `{}`},
	"link-stats":          {own: 200, other: 404, operator: 404},
	"list-campaigns":      {own: 200, other: 200, operator: 200},
	"get-campaign":        {own: 200, other: 404, operator: 404},
	"put-campaign":        {own: 200, other: 201, operator: 201, body: `{"name":"new"}`}, // a campaign of one's own with the same id
	"signing-keys":        {own: 200, other: 200, operator: 200},                         // other keys: each account signs its own
	"campaign-stats":      {own: 200, other: 404, operator: 404},
	"campaign-balance":    {own: 200, other: 404, operator: 404},
	"campaign-recipients": {own: 200, other: 404, operator: 404},
	"export-clicks":       {own: 200, other: 404, operator: 404, query: "?campaign={campaign}&format=ndjson"},
	"rewrite":             {own: 200, other: 200, operator: 200, body: `{"campaign":"{campaign}","text":"https://a.example/"}`},
	"ops-pipeline":        {own: 403, other: 403, operator: 200},
	"list-deadletters":    {own: 403, other: 403, operator: 200},
	"replay-deadletters":  {own: 403, other: 403, operator: 200, body: `{"reason":"none"}`},
	"drop-deadletters":    {own: 403, other: 403, operator: 200, body: `{"reason":"none"}`},
	"create-account":      {own: 403, other: 403, operator: 201, body: `{"name":"new"}`},
	"list-accounts":       {own: 403, other: 403, operator: 200},
	"get-account":         {own: 403, other: 403, operator: 200},
	"edit-account":        {own: 403, other: 403, operator: 200, body: `{"stopped":false}`},
	"create-key":          {own: 201, other: 201, operator: 201, body: `{"role":"read"}`},
	"list-keys":           {own: 200, other: 200, operator: 200},
	"get-key":             {own: 200, other: 404, operator: 404},
	"edit-key":            {own: 200, other: 404, operator: 404, body: `{"name":"new"}`},
	"revoke-key":          {own: 204, other: 404, operator: 404},
	"create-domain":       {own: 201, other: 201, operator: 201, body: `{"domain":"new-{n}.example"}`},
	"list-domains":        {own: 200, other: 200, operator: 200},
	"get-domain":          {own: 200, other: 404, operator: 404},
	"edit-domain":         {own: 200, other: 404, operator: 404, body: `{"default":true}`},
	"delete-domain":       {own: 204, other: 404, operator: 404},
	"verify-domain":       {own: 200, other: 404, operator: 404},
	"audit":               {own: 200, other: 200, operator: 200},
	"erase-recipient":     {own: 202, other: 202, operator: 202}, // of one's own account: each has its own recipients
	"get-job":             {own: 200, other: 404, operator: 404},
	"get-tuning":          {own: 403, other: 403, operator: 200},
	"put-tuning":          {own: 403, other: 403, operator: 200, body: `{"prefetch":7}`},
	"tls-allow":           {own: 200, other: 200, operator: 200, query: "?domain=go.example"},
}

// marker stands in everything that account 2 has: nobody else may ever read it.
const marker = "of-account-two"

// matrix is a rig with three accounts and a key of every kind.
type matrix struct {
	*rig
	principals map[string]string // key by name
	n          int
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	m := &matrix{rig: newRig(t), principals: map[string]string{"none": "", "operator": bootstrap}}
	for _, name := range []string{marker, "third"} {
		m.want(201, m.ask("POST", "/api/v1/accounts", `{"name":"`+name+`"}`, nil))
	}
	for name, want := range map[string]account.NewKey{
		"own": {Account: 2, Role: account.Admin}, "read": {Account: 2, Role: account.Read}, "write": {Account: 2, Role: account.Write},
		"revoked": {Account: 2, Role: account.Admin}, "other": {Account: 3, Role: account.Admin},
	} {
		text, key, err := account.Create(t.Context(), m.db, want)
		if err == nil && name == "revoked" {
			err = account.Revoke(t.Context(), m.db, 2, key.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		m.principals[name] = text
	}
	return m
}

// as asks in a principal's name.
func (m *matrix) as(principal, method, path, body string, v any) int {
	m.Helper()
	m.key = m.principals[principal]
	return m.ask(method, path, body, v)
}

// objects makes one of everything that account 2 can have, and returns what the placeholders stand for.
func (m *matrix) objects() *strings.Replacer {
	m.Helper()
	m.n++
	name, campaign := fmt.Sprintf("%s-%d", marker, m.n), fmt.Sprintf("campaign-%d", m.n)
	m.want(201, m.as("own", "PUT", "/api/v1/campaigns/"+campaign, `{"name":"`+name+`"}`, nil))
	var l struct{ Code string }
	m.want(201, m.as("own", "POST", "/api/v1/links", `{"url":"https://`+name+`.example/","campaign":"`+campaign+`","name":"`+name+`"}`, &l))
	var k struct{ ID string }
	m.want(201, m.as("own", "POST", "/api/v1/keys", `{"role":"write","name":"`+name+`"}`, &k))
	var d struct {
		Verification struct{ TXT struct{ Name, Value string } }
	}
	m.want(201, m.as("own", "POST", "/api/v1/domains", `{"domain":"`+name+`.example"}`, &d))
	m.dns.texts[d.Verification.TXT.Name+"."] = []string{d.Verification.TXT.Value}
	var j struct{ ID string }
	m.want(202, m.as("own", "DELETE", "/api/v1/recipients/"+name, "", &j))
	return strings.NewReplacer("{id}", j.ID, "{recipient}", name, "{code}", l.Code, "{campaign}", campaign, "{key}", k.ID, "{domain}", name+".example", "{account}", "2", "{n}", fmt.Sprint(m.n))
}

// missing are names of things that are not there.
var missing = strings.NewReplacer("{id}", strings.Repeat("0", 32), "{recipient}", "missing-one", "{code}", "missing-one", "{campaign}", "missing-one", "{key}", "missing0", "{domain}", "missing.example", "{account}", "99", "{n}", "0")

// TestMatrix: S9: every route, asked by six principals about what belongs to one account.
func TestMatrix(t *testing.T) {
	m := newMatrix(t)
	routes := api.Routes(m.o)
	principals := []string{"none", "revoked", "read", "own", "other", "operator"}
	unexpected := 0
	for _, route := range routes {
		row, ok := rows[route.ID]
		if !ok {
			t.Errorf("%s %s (%s) has no row in the matrix", route.Method, route.Path, route.ID)
			continue
		}
		for _, principal := range principals {
			names := m.objects()
			var body string
			got := m.as(principal, route.Method, names.Replace(route.Path+row.query), names.Replace(row.body), &body)
			if want := row.status(route, principal); got != want {
				unexpected++
				t.Errorf("%s as %s: %d, want %d: %s", route.ID, principal, got, want, body)
			}
			if (principal == "other" || principal == "operator") && route.Role < account.Operator && strings.Contains(body, marker) {
				unexpected++
				t.Errorf("%s tells %s of another account: %s", route.ID, principal, body)
			}
			if principal == "other" && row.other == 404 {
				var nothing string
				if status := m.as(principal, route.Method, missing.Replace(route.Path+row.query), missing.Replace(row.body), &nothing); status != got || nothing != body {
					unexpected++
					t.Errorf("%s tells what is another's from what is not there: %d %s, and %d %s", route.ID, got, body, status, nothing)
				}
			}
		}
	}
	t.Logf("routes %d x principals %d = %d cells, %d unexpected", len(routes), len(principals), len(routes)*len(principals), unexpected)
	m.secretsStaySecret()
}

// status is what a principal must be answered.
func (r *row) status(route api.Route, principal string) int {
	switch {
	case route.Open:
		return r.own
	case principal == "none", principal == "revoked":
		return 401
	case principal == "read" && route.Role > account.Read:
		return 403
	case principal == "other":
		return r.other
	case principal == "operator":
		return r.operator
	}
	return r.own
}

// secretsStaySecret: S8: no key can be made of what the database or the log holds.
func (m *matrix) secretsStaySecret() {
	m.Helper()
	var stored []byte
	for _, file := range []string{m.path, m.path + "-wal"} {
		content, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			m.Fatal(err)
		}
		stored = append(stored, content...)
	}
	if len(stored) < 4096 || !strings.Contains(string(stored), marker) {
		m.Fatalf("%d bytes are not the database", len(stored))
	}
	for name, key := range m.principals {
		secret := key
		if len(key) > 12 && strings.HasPrefix(key, "lt_") {
			secret = key[11:] // behind the id, which is public
		}
		if key != "" && (strings.Contains(string(stored), secret) || strings.Contains(m.log.String(), secret)) {
			m.Errorf("the key of %s can be read in the database or the log", name)
		}
	}
}

// TestRoles: every route asks for its role, and no more.
func TestRoles(t *testing.T) {
	m := newMatrix(t)
	for _, route := range api.Routes(m.o) {
		for name, role := range map[string]account.Role{"read": account.Read, "write": account.Write, "own": account.Admin, "operator": account.Operator} {
			var body string
			got := m.as(name, route.Method, missing.Replace(route.Path+rows[route.ID].query), missing.Replace(rows[route.ID].body), &body)
			if refused := got == 403; refused == (role >= route.Role) || got == 401 {
				t.Errorf("%s as %s: %d %s", route.ID, name, got, body)
			}
		}
	}
}

// TestTheOperatorActsForAccounts: what can be done in another account's name is done by the operator alone.
func TestTheOperatorActsForAccounts(t *testing.T) {
	m := newMatrix(t)
	inNameOf := []string{"create-key", "list-keys", "get-key", "edit-key", "revoke-key", "create-domain", "list-domains", "get-domain", "edit-domain", "delete-domain",
		"verify-domain", "audit"}
	for _, route := range api.Routes(m.o) {
		if !slices.Contains(inNameOf, route.ID) {
			continue
		}
		r, names := rows[route.ID], m.objects()
		ask := func(principal, account string) (status int, body string) {
			status = m.as(principal, route.Method, names.Replace(route.Path)+"?account="+account, names.Replace(r.body), &body)
			return status, body
		}
		for _, nobody := range []string{"2", "99", "0", "x", "02"} {
			if status, body := ask("other", nobody); status != 404 {
				t.Errorf("%s of account %s by account 3: %d %s", route.ID, nobody, status, body)
			}
		}
		if status, body := ask("operator", "99"); status != 404 {
			t.Errorf("%s of no account: %d %s", route.ID, status, body)
		}
		if status, body := ask("operator", "2"); status != r.own {
			t.Errorf("%s of account 2 by the operator: %d %s, want %d", route.ID, status, body, r.own)
		}
	}
}
