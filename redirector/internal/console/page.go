package console

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"

	"longtail/redirector/internal/account"
)

// A page is one GET route: what it shows is loaded from the API and rendered by a template. The same route answers a
// browser with a page, its script with the parts that change, once a second as a stream or once.
type page struct {
	template string
	role     account.Role
	load     func(ctx context.Context, s *session, r *http.Request) (view, error)
}

// page adds a page.
func (c *Console) page(pattern string, p page) {
	c.mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
		s, ok := c.enter(w, r, p.role)
		if !ok {
			return
		}
		r = signed(r, s)
		switch r.Header.Get("Accept") {
		case streamType:
			c.stream(w, r, s, p)
		case onceType:
			c.once(w, r, s, p)
		default:
			c.show(w, r, s, p)
		}
	})
}

// What a page's script asks for; browsers ask for text/html. (Sec-Fetch-Dest would tell too, but plain http has none.)
const (
	streamType = "text/event-stream"
	onceType   = "application/json"
)

// signedKey is where a request carries its session, so that a page that tells what is wrong keeps its navigation.
type signedKey struct{}

func signed(r *http.Request, s *session) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), signedKey{}, s))
}

// enter finds the session of a request. Without one a page goes to the sign-in, and a script is told 401.
func (c *Console) enter(w http.ResponseWriter, r *http.Request, role account.Role) (*session, bool) {
	s, err := c.session(r.Context(), r)
	asks := r.Header.Get("Accept")
	switch {
	case errors.Is(err, errSignedOut) && r.Method == http.MethodGet && asks != streamType && asks != onceType:
		http.Redirect(w, r, "/console/sign-in?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	case errors.Is(err, errSignedOut):
		c.problemPage(w, r, http.StatusUnauthorized, "Signed out", "The session is over, or its key was revoked.")
	case err != nil:
		c.trouble(w, r, err)
	case !s.who.May(role):
		c.problemPage(w, signed(r, s), http.StatusForbidden, "Not with this key", "This page needs a key of the role "+role.String()+".")
	default:
		return s, true
	}
	return nil, false
}

func (c *Console) show(w http.ResponseWriter, r *http.Request, s *session, p page) {
	v, err := p.load(r.Context(), s, r)
	if err != nil {
		c.trouble(w, r, err)
		return
	}
	c.renderFor(w, r, s, p.template, v)
}

// renderFor renders a page of somebody who is signed in.
func (c *Console) renderFor(w http.ResponseWriter, r *http.Request, s *session, template string, v view) {
	v.sign(s, r)
	v.Done = r.URL.Query().Get("done")
	status := v.Status
	if status == 0 {
		status = http.StatusOK
	}
	c.render(w, status, template, v)
}

// parts renders what of a page changes while it is looked at, by name.
func (c *Console) parts(r *http.Request, p page, s *session, v view) (map[string]string, error) {
	v.sign(s, r)
	all := map[string]string{}
	for _, name := range v.Live {
		var b bytes.Buffer
		if err := c.templates[p.template].ExecuteTemplate(&b, name, v); err != nil {
			return nil, err
		}
		all[name] = b.String()
	}
	return all, nil
}

// changeLimit bounds a form, a pasted mail or a list of links included.
const changeLimit = 12 << 20

// change adds a POST route. do is nil for the sign-in, which needs no session.
func (c *Console) change(pattern string, role account.Role, do func(http.ResponseWriter, *http.Request, *session)) {
	c.changes = append(c.changes, pattern)
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, changeLimit)
		if err := r.ParseForm(); err != nil {
			c.problemPage(w, r, http.StatusBadRequest, "This form cannot be read", "It is too big or was cut on its way.")
			return
		}
		if do == nil {
			c.signInForm(w, r)
			return
		}
		s, ok := c.enter(w, r, role)
		if !ok {
			return
		}
		r = signed(r, s)
		if !s.proves(r.PostFormValue("csrf")) {
			c.problemPage(w, r, http.StatusForbidden, "This form is not from here", "Open the page again and send its form.")
			return
		}
		do(w, r, s)
	})
}

// back returns to a page after a change; done names what was done.
func back(w http.ResponseWriter, r *http.Request, path, done string) {
	http.Redirect(w, r, path+"?done="+url.QueryEscape(done), http.StatusSeeOther)
}

// trouble shows a page for an error: the API's own words, or that something is down. Who has left is shown nothing.
func (c *Console) trouble(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	if p, ok := errors.AsType[*problem](err); ok {
		c.problemPage(w, r, p.Status, p.Title, p.Error())
		return
	}
	c.log.Error("page failed", "route", r.Pattern, "error", err)
	c.problemPage(w, r, http.StatusServiceUnavailable, "No answer", "The figures cannot be read at this moment. Try again in a few seconds.")
}

func (c *Console) notFound(w http.ResponseWriter, r *http.Request) {
	c.problemPage(w, r, http.StatusNotFound, "No such page", "Nothing is at this address.")
}

// problemPage tells what is wrong. A page that may be there again in a moment is offered again.
func (c *Console) problemPage(w http.ResponseWriter, r *http.Request, status int, title, detail string) {
	data := map[string]string{"Detail": detail}
	if r.Method == http.MethodGet && (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) {
		data["Again"] = r.URL.RequestURI()
	}
	v := view{Title: title, Data: data}
	if s, ok := r.Context().Value(signedKey{}).(*session); ok {
		v.sign(s, r)
	}
	c.render(w, status, "problem", v)
}
