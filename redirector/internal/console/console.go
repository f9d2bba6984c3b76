// Package console is what people see: campaigns and who clicked, links, the pipeline, keys and domains, as pages. It asks
// the same API as everybody else, in the name of who signed in; it has no SQL and no calls of its own. Pages work without
// a script; with one they stay true while they are looked at.
//
// Place on the click's way: none. It reads what is behind the way's end.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"longtail/redirector/internal/account"
	"longtail/shared/storage"
)

// Gate proves keys and tells whom they speak for; *account.Gate is one.
type Gate interface {
	Principal(ctx context.Context, key string) (account.Principal, error)
	Holder(ctx context.Context, id account.KeyID) (account.Principal, error)
	Bootstrap() (name [32]byte, who account.Principal, ok bool)
}

// Sessions keeps sign-ins where every redirector finds them; *storage.DB does.
type Sessions interface {
	CreateSession(ctx context.Context, s storage.Session) error
	FindSession(ctx context.Context, idHash [32]byte) (storage.Session, error)
	EndSession(ctx context.Context, idHash [32]byte) error
}

// Options are what the console needs.
type Options struct {
	API      http.Handler // everything under /api/
	Gate     Gate
	Sessions Sessions
	Log      *slog.Logger
}

// A Console serves everything under /console/.
type Console struct {
	o         Options
	log       *slog.Logger
	mux       *http.ServeMux
	protect   *http.CrossOriginProtection
	templates templates
	live      *live
	changes   []string // patterns of every route that changes something
}

// New returns a console. Close ends the streams of pages that are open.
func New(o Options) *Console {
	c := &Console{
		o: o, log: o.Log.With("component", "console"), mux: http.NewServeMux(), protect: http.NewCrossOriginProtection(),
		templates: parse(), live: newLive(),
	}
	c.mux.Handle("GET /console/static/", assets())
	c.mux.HandleFunc("GET /console/sign-in", c.signInPage)
	c.change("POST /console/sign-in", account.Read, nil)
	c.change("POST /console/sign-out", account.Read, c.signOut)
	c.campaignRoutes()
	c.linkRoutes()
	c.rewriteRoutes()
	c.pipelineRoutes()
	c.settingsRoutes()
	c.mux.HandleFunc("GET /console/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/console/campaigns", http.StatusSeeOther)
	})
	c.mux.HandleFunc("/console/", c.notFound)
	return c
}

// Close ends every stream, so that the server can shut down.
func (c *Console) Close() { c.live.close() }

// policy lets a page use what this server serves, and nothing else: no inline script or style, no frame around it.
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// requestLimit bounds what one page may ask of the API.
const requestLimit = 10 * time.Second

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	if err := c.protect.Check(r); err != nil {
		c.problemPage(w, r, http.StatusForbidden, "This came from another site", "A form of another site cannot change anything here. Open the page here and send it again.")
		return
	}
	c.mux.ServeHTTP(w, r)
}
