package api

import (
	"context"
	"net/http"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
)

// Hosts tell what is clicked here, from memory: on-demand certificates are asked for at the worst of times.
type Hosts interface {
	// Serves reports whether links are clicked under host.
	Serves(host string) bool
}

// Proxies are those before this server.
type Proxies interface {
	// TrustsClient reports whether who asks is one of them and asks for itself.
	TrustsClient(peer string, forwardedFor []string) bool
}

func (s *server) tlsRoutes() {
	register(s, call{method: http.MethodGet, path: "/api/v1/tls/allow", id: "tls-allow", open: true,
		summary: "Whether a certificate may be had for a host: 200 or 404. Without a key, for trusted proxies only"}, s.tlsAllow)
}

type tlsAnswer struct {
	Body struct {
		Domain string `json:"domain"`
	}
}

func (s *server) tlsAllow(ctx context.Context, _ account.Principal, in *struct {
	Domain string `query:"domain" doc:"The host."`
}) (*tlsAnswer, error) {
	r := of(ctx).gin.Request
	if s.proxies == nil || !s.proxies.TrustsClient(r.RemoteAddr, r.Header.Values("X-Forwarded-For")) {
		return nil, problem.With(problem.Forbidden, "Only the networks of LONGTAIL_TRUSTED_PROXIES may ask this.")
	}
	if in.Domain == "" || s.hosts == nil || !s.hosts.Serves(in.Domain) {
		return nil, problem.New(problem.NotFound)
	}
	out := &tlsAnswer{}
	out.Body.Domain = in.Domain
	return out, nil
}
