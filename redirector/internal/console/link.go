package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// linkView is one link, its figures and how it was before.
type linkView struct {
	tracked
	Figures figures
	History []version
	Zone    *time.Location
	Error   string
}

// A version is how a link was before a change.
type version struct {
	Version uint32    `json:"version"`
	At      time.Time `json:"at"`
	Before  tracked   `json:"before"`
}

// linkPath is a link in the API.
func linkPath(r *http.Request, part string) string {
	path := "/api/v1/links/" + url.PathEscape(r.PathValue("code")) + part
	if domain := r.FormValue("domain"); domain != "" {
		path += "?domain=" + url.QueryEscape(domain)
	}
	return path
}

func (c *Console) link(ctx context.Context, s *session, r *http.Request) (view, error) {
	v := linkView{Zone: location(zoneOf(r))}
	var history list[version]
	for path, out := range map[string]any{"": &v.tracked, "/stats": &v.Figures, "/history": &history} {
		if err := c.ask(ctx, s.who, linkPath(r, path), out); err != nil {
			return view{}, err
		}
	}
	v.History = history.Data
	return view{Title: v.Code, Data: v, Live: []string{"figures"}}, nil
}

// editLink changes what the form says, or disables or enables the link. The version that the page showed must be
// the link's still: nobody overwrites what another did meanwhile.
func (c *Console) editLink(w http.ResponseWriter, r *http.Request, s *session) {
	patch := map[string]any{}
	done := "Saved. Every instance serves it within a second."
	switch r.PostFormValue("do") {
	case "disable":
		patch["disabled"], done = true, "Disabled: it answers 410 from now on."
	case "enable":
		patch["disabled"], done = false, "The link is live again."
	default:
		patch["url"], patch["name"] = strings.TrimSpace(r.PostFormValue("url")), strings.TrimSpace(r.PostFormValue("name"))
		if text := r.PostFormValue("tags"); text != r.PostFormValue("tags_were") { // a tag may hold a comma: left alone, it stays
			patch["tags"] = tags(text)
		}
	}
	c.patchLink(w, r, s, patch, done)
}

func (c *Console) patchLink(w http.ResponseWriter, r *http.Request, s *session, patch map[string]any, done string) {
	q := request{method: http.MethodPatch, path: linkPath(r, ""), media: "application/merge-patch+json", body: patch, match: r.PostFormValue("version")}
	var changed tracked
	err := c.call(r.Context(), s.who, q, &changed)
	var p *problem
	switch {
	case err == nil:
		http.Redirect(w, r, changed.Page()+"&done="+url.QueryEscape(done), http.StatusSeeOther)
	case errors.As(err, &p) && p.Status == http.StatusPreconditionFailed:
		c.showLink(w, r, s, "Somebody else changed this link meanwhile. This is how it is now; nothing of yours was saved.")
	case errors.As(err, &p) && p.Status/100 == 4 && p.Status != http.StatusNotFound:
		c.showLink(w, r, s, p.Error())
	default:
		c.trouble(w, r, err)
	}
}

// showLink shows the link's page with why a change was refused.
func (c *Console) showLink(w http.ResponseWriter, r *http.Request, s *session, why string) {
	v, err := c.link(r.Context(), s, r)
	if err != nil {
		c.trouble(w, r, err)
		return
	}
	data := v.Data.(linkView) //nolint:forcetypeassert // link made it
	data.Error = why
	v.Data, v.Status = data, http.StatusUnprocessableEntity
	c.renderFor(w, r, s, "link", v)
}

// undoLink makes the link again what it was before a change.
func (c *Console) undoLink(w http.ResponseWriter, r *http.Request, s *session) {
	var history list[version]
	if err := c.ask(r.Context(), s.who, linkPath(r, "/history"), &history); err != nil {
		c.trouble(w, r, err)
		return
	}
	for _, v := range history.Data {
		if strconv.FormatUint(uint64(v.Version), 10) != r.PostFormValue("change") {
			continue
		}
		b := v.Before
		patch := map[string]any{"url": b.URL, "name": b.Name, "tags": b.Tags, "forward_query": b.Forward, "disabled": b.State == "disabled", "expires_at": nil}
		if b.ExpiresAt != nil {
			patch["expires_at"] = stamp(*b.ExpiresAt)
		}
		c.patchLink(w, r, s, patch, "The link is what it was before that change.")
		return
	}
	c.problemPage(w, r, http.StatusNotFound, "No such change", "The link's history does not have it any more.")
}
