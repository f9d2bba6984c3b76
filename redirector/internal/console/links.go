package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"longtail/redirector/internal/account"
)

func (c *Console) linkRoutes() {
	c.page("/console/links", page{"links", account.Read, c.links})
	c.page("/console/links/{code}", page{"link", account.Read, c.link})
	c.change("POST /console/links", account.Write, c.createLink)
	c.change("POST /console/links/bulk", account.Write, c.createLinks)
	c.change("POST /console/links/{code}", account.Write, c.editLink)
	c.change("POST /console/links/{code}/undo", account.Write, c.undoLink)
}

// tracked is a link as the API tells it.
type tracked struct {
	Code      string     `json:"code"`
	Tracked   string     `json:"tracked_url"`
	URL       string     `json:"url"`
	Campaign  string     `json:"campaign"`
	Domain    string     `json:"domain"`
	Name      string     `json:"name"`
	Tags      []string   `json:"tags"`
	State     string     `json:"state"`
	Forward   []string   `json:"forward_query"`
	ExpiresAt *time.Time `json:"expires_at"`
	CreatedAt time.Time  `json:"created_at"`
	Version   uint32     `json:"version"`
	Warnings  []struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"warnings"`
}

// Page is the link's page.
func (l tracked) Page() string {
	return "/console/links/" + url.PathEscape(l.Code) + "?domain=" + url.QueryEscape(l.Domain)
}

// linksView is the list, with the forms and what came of them.
type linksView struct {
	list[tracked]
	Campaign, Search, Tag string
	Zone                  *time.Location

	Form   map[string]string // what was sent and refused
	Error  string
	Bulk   string // campaign of the lines
	Paste  string
	Report []line
}

// Fresh tells whether there is no link at all yet, as far as the page knows.
func (v linksView) Fresh() bool { return len(v.Data) == 0 && v.Search+v.Campaign+v.Tag == "" }

// A line is what came of one pasted line.
type line struct {
	Number  int
	Text    string
	Tracked string
	Error   string
}

func (c *Console) links(ctx context.Context, s *session, r *http.Request) (view, error) {
	q := r.URL.Query()
	v := linksView{Campaign: q.Get("campaign"), Bulk: q.Get("campaign"), Search: q.Get("q"), Tag: q.Get("tag"), Zone: location(zoneOf(r))}
	ask := url.Values{"limit": {"50"}}
	for _, name := range []string{"campaign", "q", "tag", "cursor"} {
		if value := q.Get(name); value != "" {
			ask.Set(name, value)
		}
	}
	err := c.ask(ctx, s.who, "/api/v1/links?"+ask.Encode(), &v.list)
	return view{Title: "Links", Data: v}, err
}

// refused shows the list again, with what was sent and why it was refused.
func (c *Console) refused(w http.ResponseWriter, r *http.Request, s *session, fill func(*linksView)) {
	v, err := c.links(r.Context(), s, r)
	if err != nil {
		c.trouble(w, r, err)
		return
	}
	data := v.Data.(linksView) //nolint:forcetypeassert // links made it
	fill(&data)
	v.Data = data
	if data.Error != "" {
		v.Status = http.StatusUnprocessableEntity
	}
	c.renderFor(w, r, s, "links", v)
}

func (c *Console) createLink(w http.ResponseWriter, r *http.Request, s *session) {
	form := map[string]string{}
	body := map[string]any{}
	for _, name := range []string{"url", "campaign", "code", "domain", "name"} {
		form[name] = strings.TrimSpace(r.PostFormValue(name))
		if form[name] != "" {
			body[name] = form[name]
		}
	}
	if form["tags"] = r.PostFormValue("tags"); form["tags"] != "" {
		body["tags"] = tags(form["tags"])
	}
	var made tracked
	err := c.call(r.Context(), s.who, request{method: http.MethodPost, path: "/api/v1/links", body: body}, &made)
	var p *problem
	switch {
	case err == nil:
		http.Redirect(w, r, made.Page()+"&done="+url.QueryEscape("The link is ready."), http.StatusSeeOther)
	case errors.As(err, &p):
		c.refused(w, r, s, func(v *linksView) { v.Form, v.Error = form, p.Error() })
	default:
		c.trouble(w, r, err)
	}
}

// tags are between commas; they may hold spaces.
func tags(text string) []string {
	all := []string{}
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			all = append(all, tag)
		}
	}
	return all
}

// createLinks makes a link of each pasted line: an address, or an object as bulk creation takes it.
func (c *Console) createLinks(w http.ResponseWriter, r *http.Request, s *session) {
	campaign := strings.TrimSpace(r.PostFormValue("campaign"))
	text := strings.ReplaceAll(r.PostFormValue("lines"), "\r\n", "\n")
	var report []line
	var sent bytes.Buffer
	enc := json.NewEncoder(&sent)
	enc.SetEscapeHTML(false)
	for i, l := range strings.Split(text, "\n") {
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		report = append(report, line{Number: i + 1, Text: l})
		if strings.HasPrefix(l, "{") {
			sent.WriteString(l + "\n")
			continue
		}
		body := map[string]string{"url": l}
		if campaign != "" {
			body["campaign"] = campaign
		}
		_ = enc.Encode(body) // strings only
	}
	var answered bytes.Buffer
	err := c.call(r.Context(), s.who, request{method: http.MethodPost, path: "/api/v1/links/bulk", media: "application/x-ndjson", body: sent.String()}, &answered)
	if err != nil {
		c.refused(w, r, s, func(v *linksView) { v.Bulk, v.Paste, v.Error = campaign, text, err.Error() })
		return
	}
	readReport(report, answered.Bytes())
	c.refused(w, r, s, func(v *linksView) { v.Report, v.Bulk = report, campaign })
}

// readReport fills in what the API answered, line by line in the same order.
func readReport(report []line, answered []byte) {
	for i, text := range bytes.Split(bytes.TrimSpace(answered), []byte("\n")) {
		if i >= len(report) {
			return
		}
		var a struct {
			Tracked string   `json:"tracked_url"`
			Error   *problem `json:"error"`
		}
		if err := json.Unmarshal(text, &a); err != nil {
			report[i].Error = "the answer was cut"
			continue
		}
		report[i].Tracked = a.Tracked
		if a.Error != nil {
			report[i].Error = a.Error.Error()
		}
	}
}
