package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/api"
	"longtail/redirector/internal/check"
	"longtail/redirector/internal/console"
	"longtail/redirector/internal/domains"
	"longtail/redirector/internal/edge"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
	"longtail/redirector/internal/resolve"
	"longtail/redirector/internal/stats"
	"longtail/shared/link"
	"longtail/shared/pool"
	"longtail/shared/storage"
)

// A door answers 503 until the handler behind it is there.
type door struct{ behind atomic.Pointer[http.Handler] }

func (d *door) open() bool { return d.behind.Load() != nil }

// ServeHTTP passes the request on.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := d.behind.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	p := problem.New(problem.Unavailable)
	body, _ := json.Marshal(p) // strings and numbers only
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Retry-After", "2")
	w.Header().Set("Request-Id", rand.Text())
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body)
}

// startAPI opens the API's port at once; it answers once the database is there.
func (a *app) startAPI(l net.Listener) {
	if l == nil {
		return
	}
	server := api.NewServer(&a.door, a.o.Log)
	a.life.Go("opening the API", 2*time.Second, func(ctx context.Context) error {
		db, codes, err := a.codeKey(ctx)
		if err != nil {
			return err
		}
		gate := account.NewGate(db, a.o.Secrets.Bootstrap)
		calls := a.apiHandler(db, codes, gate)
		pages := console.New(console.Options{API: calls, Gate: gate, Sessions: db, Log: a.o.Log})
		server.RegisterOnShutdown(pages.Close)
		h := front(calls, pages)
		a.door.behind.Store(&h)
		return nil
	})
	a.life.Serve("API", 15*time.Second, server, l)
}

// front lets the console have what is under /console/, and whoever opens the address in a browser; the rest is the API's.
func front(calls, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/console/"):
			pages.ServeHTTP(w, r)
		case r.Method == http.MethodGet && (r.URL.Path == "/" || r.URL.Path == "/console"):
			http.Redirect(w, r, "/console/", http.StatusSeeOther)
		default:
			calls.ServeHTTP(w, r)
		}
	})
}

// codeKey reads the installation's key, however long that takes.
func (a *app) codeKey(ctx context.Context) (*storage.DB, link.CodeKey, error) {
	db, err := a.database(ctx)
	if err != nil {
		return nil, link.CodeKey{}, err
	}
	for {
		key, err := db.CodeKey(ctx)
		if err == nil {
			return db, key, nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, link.CodeKey{}, ctx.Err()
		}
	}
}

// domainCaches are the two places in which a process keeps domains.
type domainCaches struct {
	links    *links.Service
	resolver *resolve.Resolver
}

// DomainsChanged has both look again.
func (c domainCaches) DomainsChanged(ctx context.Context) {
	c.links.DomainsChanged()
	c.resolver.DomainsChanged(ctx)
}

func (a *app) apiHandler(db *storage.DB, codes link.CodeKey, gate *account.Gate) http.Handler {
	secrets := [][]byte{a.o.Secrets.Secret}
	if a.o.Secrets.Previous != nil {
		secrets = append(secrets, a.o.Secrets.Previous)
	}
	made := links.New(links.Options{Store: db, Cache: a.resolver, Codes: codes, Base: a.o.Public.URL})
	return api.New(api.Options{
		Gate:     gate,
		Rates:    account.NewRates(a.o.API.Rate, a.redis),
		Accounts: account.NewService(db, a.resolver),
		Domains: domains.New(domains.Options{
			Store: db, Cache: domainCaches{made, a.resolver}, Targets: made, DNS: domains.NewResolver(a.o.API.DNS), Public: a.o.Public.URL.Hostname(), Secret: a.o.Secrets.Secret,
		}),
		Audit:    db,
		Proxies:  edge.NewTrustedProxies(a.o.Public.Proxies),
		Hosts:    a.resolver,
		Links:    made,
		Stats:    stats.New(db),
		Checker:  check.New(a.resolver, link.Keyring(a.o.Secrets.Secret, a.o.Secrets.Previous)),
		Pipeline: pool.NewView(db),
		Letters:  a.letters(db),
		Erasures: db,
		Tuning:   db,
		Once:     db,
		Secrets:  secrets,
		Log:      a.o.Log,
	})
}
