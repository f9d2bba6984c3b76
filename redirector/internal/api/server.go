package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/domains"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
	"longtail/redirector/internal/stats"
)

// Limits of a connection. A route that streams extends its own deadlines while something moves.
const (
	headerLimit = 5 * time.Second
	bodyLimit   = readPause
	answerLimit = 60 * time.Second
	idleLimit   = 120 * time.Second
	maxHeader   = 32 << 10
)

// Options are what the API needs.
type Options struct {
	Gate     *account.Gate
	Rates    *account.Rates
	Accounts *account.Service
	Domains  *domains.Service
	Audit    AuditLog
	Proxies  Proxies // nil = nobody is trusted
	Hosts    Hosts
	Links    *links.Service
	Stats    *stats.Service
	Checker  Checker
	Pipeline Pipeline // nil = not known here
	Letters  DeadLetters
	Erasures Erasures
	Tuning   Tuning
	Once     Once
	Secrets  [][]byte // masters of campaign keys; the first one signs
	Dir      string   // for the bodies of bulk requests; "" = the system's
	Log      *slog.Logger
}

// server is what the routes share.
type server struct {
	gate     *account.Gate
	rates    *account.Rates
	accounts *account.Service
	domains  *domains.Service
	audit    AuditLog
	proxies  Proxies
	hosts    Hosts
	links    *links.Service
	stats    *stats.Service
	checker  Checker
	pipeline Pipeline
	letters  DeadLetters
	erasures Erasures
	tuning   Tuning
	store    Once
	secrets  [][]byte
	dir      string
	log      *slog.Logger
	huma     huma.API
	calls    []call // every route, for the OpenAPI document and its tests
}

// New returns the handler of everything under /api/. What it does not know is a problem too.
func New(o Options) http.Handler {
	handler, _ := build(o)
	return handler
}

func build(o Options) (http.Handler, *server) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.ContextWithFallback = true
	log := o.Log.With("component", "api")
	engine.Use(begin(log))
	engine.NoRoute(answer(problem.NotFound))
	engine.NoMethod(answer(problem.MethodNotAllowed))
	s := &server{gate: o.Gate, rates: o.Rates, accounts: o.Accounts, domains: o.Domains, audit: o.Audit, proxies: o.Proxies, hosts: o.Hosts, links: o.Links, stats: o.Stats, checker: o.Checker, pipeline: o.Pipeline, letters: o.Letters, erasures: o.Erasures, tuning: o.Tuning, store: o.Once, secrets: o.Secrets, dir: o.Dir,
		log: log, huma: humagin.New(engine, description())}
	s.linkRoutes()
	s.checkRoutes()
	s.rewriteRoutes()
	s.campaignRoutes()
	s.statsRoutes()
	s.clickRoutes()
	s.opsRoutes()
	s.letterRoutes()
	s.tuningRoutes()
	s.erasureRoutes()
	s.accountRoutes()
	s.keyRoutes()
	s.domainRoutes()
	s.auditRoutes()
	s.tlsRoutes()
	s.closedSets()
	return engine, s
}

func answer(code problem.Code) gin.HandlerFunc {
	return func(c *gin.Context) { of(c.Request.Context()).write(problem.New(code)) }
}

// description is the OpenAPI document before its routes.
func description() huma.Config {
	config := huma.DefaultConfig("Longtail", "1")
	config.Info.Description = "Tracked links and their figures. Lists are asked with cursor and limit; times are RFC 3339 UTC with ms."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "/api/openapi", "", ""
	config.CreateHooks = nil // no $schema in answers
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer"}}
	return config
}

// closedSets lists the codes and rules of problems in the OpenAPI document.
func (s *server) closedSets() {
	schemas := s.huma.OpenAPI().Components.Schemas.Map()
	codes, rules := schemas["Problem"].Properties["code"], schemas["Field"].Properties["rule"]
	for _, code := range problem.Codes {
		codes.Enum = append(codes.Enum, string(code))
	}
	for _, rule := range problem.Rules {
		rules.Enum = append(rules.Enum, rule)
	}
}

// NewServer returns a server with all its limits set. The caller listens, serves and shuts it down.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerLimit, ReadTimeout: bodyLimit, WriteTimeout: answerLimit, IdleTimeout: idleLimit,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
