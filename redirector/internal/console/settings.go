package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"longtail/redirector/internal/account"
)

func (c *Console) settingsRoutes() {
	c.page("/console/keys", page{"keys", account.Admin, c.keys})
	c.page("/console/domains", page{"domains", account.Admin, c.domains})
	c.page("/console/audit", page{"audit", account.Admin, c.audit})
	c.change("POST /console/keys", account.Admin, c.createKey)
	c.change("POST /console/keys/{key}", account.Admin, c.changeKey)
	c.change("POST /console/domains", account.Admin, c.createDomain)
	c.change("POST /console/domains/{domain}", account.Admin, c.changeDomain)
}

// key is an API key without its text, but for the answer that made it.
type key struct {
	ID        string     `json:"id"`
	Key       string     `json:"key"`
	Role      string     `json:"role"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at"`
	Stopped   bool       `json:"stopped"`
	Hosts     []string   `json:"hosts"`
}

// settingsView is a list of keys, domains or audit entries, and what a form just did.
type settingsView[T any] struct {
	list[T]
	Made  string // a new key, shown this once
	Error string
	Zone  *time.Location
}

// listed loads a list of the API.
func listed[T any](ctx context.Context, c *Console, s *session, r *http.Request, path string) (settingsView[T], error) {
	v := settingsView[T]{Zone: location(zoneOf(r))}
	q := url.Values{"limit": {"100"}}
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		q.Set("cursor", cursor)
	}
	return v, c.ask(ctx, s.who, path+"?"+q.Encode(), &v.list)
}

func (c *Console) keys(ctx context.Context, s *session, r *http.Request) (view, error) {
	v, err := listed[key](ctx, c, s, r, "/api/v1/keys")
	return view{Title: "Keys", Data: v}, err
}

func (c *Console) createKey(w http.ResponseWriter, r *http.Request, s *session) {
	body := map[string]any{"role": r.PostFormValue("role"), "name": strings.TrimSpace(r.PostFormValue("name"))}
	hosts := strings.FieldsFunc(r.PostFormValue("hosts"), func(r rune) bool { return r == ',' || r == ' ' })
	if len(hosts) > 0 {
		body["hosts"] = hosts
	}
	var made key
	err := c.call(r.Context(), s.who, request{method: http.MethodPost, path: "/api/v1/keys", body: body}, &made)
	v, again := listed[key](r.Context(), c, s, r, "/api/v1/keys")
	status, shown := told(err)
	if again != nil || shown == nil {
		c.trouble(w, r, errors.Join(err, again))
		return
	}
	v.Made, v.Error = made.Key, *shown
	c.renderFor(w, r, s, "keys", view{Title: "Keys", Data: v, Status: status})
}

// told is the status and the text of a refusal; nil text is for errors that are no refusal.
func told(err error) (status int, text *string) {
	var p *problem
	switch {
	case err == nil:
		return http.StatusOK, new("")
	case errors.As(err, &p) && p.Status/100 == 4:
		return http.StatusUnprocessableEntity, new(p.Error())
	default:
		return 0, nil
	}
}

// changeKey revokes a key, or stops and starts all its links.
func (c *Console) changeKey(w http.ResponseWriter, r *http.Request, s *session) {
	path := "/api/v1/keys/" + url.PathEscape(r.PathValue("key"))
	q, done := request{method: http.MethodDelete, path: path}, "Revoked: within five seconds nobody uses this key any more."
	switch r.PostFormValue("do") {
	case "stop":
		q, done = patch(path, "stopped", true), "All links of this key answer as disabled ones within two seconds."
	case "start":
		q, done = patch(path, "stopped", false), "The links of this key are live again."
	case "revoke":
	default:
		c.problemPage(w, r, http.StatusBadRequest, "Nothing to do", "Choose to revoke, to stop or to start.")
		return
	}
	c.done(w, r, s, q, "/console/keys", done)
}

func patch(path, field string, value any) request {
	return request{method: http.MethodPatch, path: path, media: "application/merge-patch+json", body: map[string]any{field: value}}
}

// done makes a call and returns to a page.
func (c *Console) done(w http.ResponseWriter, r *http.Request, s *session, q request, to, done string) {
	if err := c.call(r.Context(), s.who, q, nil); err != nil {
		c.trouble(w, r, err)
		return
	}
	back(w, r, to, done)
}

// domain is a tracking domain with the DNS records of which one proves it.
type domain struct {
	Domain       string  `json:"domain"`
	Default      bool    `json:"default"`
	Installation bool    `json:"installation"`
	FallbackURL  *string `json:"fallback_url"`
	Verified     bool    `json:"verified"`
	Verification struct {
		CNAME, TXT struct{ Name, Value string }
	} `json:"verification"`
}

func (c *Console) domains(ctx context.Context, s *session, r *http.Request) (view, error) {
	v, err := listed[domain](ctx, c, s, r, "/api/v1/domains")
	return view{Title: "Domains", Data: v}, err
}

func (c *Console) createDomain(w http.ResponseWriter, r *http.Request, s *session) {
	body := map[string]any{"domain": strings.TrimSpace(r.PostFormValue("domain"))}
	if to := strings.TrimSpace(r.PostFormValue("fallback_url")); to != "" {
		body["fallback_url"] = to
	}
	var made domain
	err := c.call(r.Context(), s.who, request{method: http.MethodPost, path: "/api/v1/domains", body: body}, &made)
	if err == nil {
		done := "Add one of its DNS records, then verify it."
		if made.Verified {
			done = "Added: links can be made on it."
		}
		back(w, r, "/console/domains", done)
		return
	}
	v, again := listed[domain](r.Context(), c, s, r, "/api/v1/domains")
	status, shown := told(err)
	if again != nil || shown == nil {
		c.trouble(w, r, errors.Join(err, again))
		return
	}
	v.Error = *shown
	c.renderFor(w, r, s, "domains", view{Title: "Domains", Data: v, Status: status})
}

// changeDomain verifies a domain, makes it the account's default, or removes it.
func (c *Console) changeDomain(w http.ResponseWriter, r *http.Request, s *session) {
	path := "/api/v1/domains/" + url.PathEscape(r.PathValue("domain"))
	switch r.PostFormValue("do") {
	case "verify":
		c.done(w, r, s, request{method: http.MethodPost, path: path + "/verify"}, "/console/domains", "Asked its DNS; the list says what it told.")
	case "default":
		c.done(w, r, s, patch(path, "default", true), "/console/domains", "New links are made on this domain.")
	case "remove":
		c.done(w, r, s, request{method: http.MethodDelete, path: path}, "/console/domains", "Removed.")
	default:
		c.problemPage(w, r, http.StatusBadRequest, "Nothing to do", "Choose to verify, to make it the default, or to remove it.")
	}
}
