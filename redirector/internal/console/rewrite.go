package console

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/rewrite"
)

func (c *Console) rewriteRoutes() {
	c.page("/console/rewrite", page{"rewrite", account.Write, func(context.Context, *session, *http.Request) (view, error) {
		return view{Title: "Rewrite preview", Data: rewriteView{}}, nil
	}})
	c.change("POST /console/rewrite", account.Write, c.rewrite)
}

// rewriteView is the form and, once a mail was pasted, what rewriting would do with each of its links.
type rewriteView struct {
	Campaign, HTML, Placeholder, Error string

	Asked   bool
	Links   []rewritten `json:"links"`
	Skipped []skipped   `json:"skipped"`
}

type rewritten struct {
	URL         string `json:"url"`
	Occurrences int    `json:"occurrences"`
}

type skipped struct {
	URL    string `json:"url"`
	Reason string `json:"reason"`
	Line   int    `json:"line"`
}

// Why is a skip's reason in words.
func (s skipped) Why() string { return rewrite.Reason(s.Reason).Words() }

// rewrite is a dry run: nothing is stored. The mail is pasted again with the answer.
func (c *Console) rewrite(w http.ResponseWriter, r *http.Request, s *session) {
	v := rewriteView{Campaign: strings.TrimSpace(r.PostFormValue("campaign")), HTML: r.PostFormValue("html"), Placeholder: r.PostFormValue("placeholder")}
	body := map[string]any{"campaign": v.Campaign, "html": v.HTML, "dry_run": true}
	if v.Placeholder != "" {
		body["token_placeholder"] = v.Placeholder
	}
	err := c.call(r.Context(), s.who, request{method: http.MethodPost, path: "/api/v1/rewrite", body: body}, &v)
	var p *problem
	status := http.StatusOK
	switch {
	case err == nil:
		v.Asked = true
	case errors.As(err, &p) && p.Status/100 == 4:
		v.Error, status = p.Error(), http.StatusUnprocessableEntity
	default:
		c.trouble(w, r, err)
		return
	}
	c.renderFor(w, r, s, "rewrite", view{Title: "Rewrite preview", Data: v, Status: status})
}
