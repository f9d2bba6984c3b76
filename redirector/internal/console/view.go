package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"longtail/redirector/internal/account"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates are the pages by name, each with the layout and the pieces that several pages show.
type templates map[string]*template.Template

// A view is what a template renders.
type view struct {
	Title  string
	Status int    // 0: 200
	Done   string // what a form just did
	Path   string
	Who    account.Principal
	CSRF   string
	Data   any
	Live   []string // names of the templates whose parts change while the page is looked at
	Point  []int64  // for a live chart
}

// sign says who looks, and at what.
func (v *view) sign(s *session, r *http.Request) { v.Who, v.CSRF, v.Path = s.who, s.csrf, r.URL.Path }

// SignedIn tells whether somebody is.
func (v view) SignedIn() bool { return v.CSRF != "" }

// tab is a place of the navigation.
func tab(v view, href, name string) map[string]any {
	return map[string]any{"Href": href, "Name": name, "Here": v.Path == href || strings.HasPrefix(v.Path, href+"/")}
}

// May tells whether whoever looks may do what needs a role.
func (v view) May(role string) bool {
	r, err := account.ParseRole(role)
	return err == nil && v.Who.May(r)
}

// parse panics on a template that is wrong: they are part of the program.
func parse() templates {
	base := template.Must(template.New("").Funcs(words).ParseFS(templateFiles, "templates/layout.html", "templates/pieces.html"))
	all := templates{}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")
		if name != "layout" && name != "pieces" {
			all[name] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, file))
		}
	}
	return all
}

// render writes a whole page, or, when its template fails, only that it did.
func (c *Console) render(w http.ResponseWriter, status int, name string, v view) {
	var b bytes.Buffer
	if err := c.templates[name].ExecuteTemplate(&b, "layout", v); err != nil {
		c.log.Error("page cannot be rendered", "page", name, "error", err)
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
