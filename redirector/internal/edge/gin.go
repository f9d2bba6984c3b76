package edge

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
)

// Handler returns gin's adapter of Answer. gin's own routing, redirects and recovery stay out of it: every path is a
// code until parsePath says otherwise.
func (e *Edge) Handler() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash, engine.RedirectFixedPath = false, false
	engine.NoRoute(func(c *gin.Context) {
		hit := e.hit(c.Request)
		result := e.safely(c.Request.Context(), &hit)
		write(c.Writer, &result, hit.Method)
	})
	return engine
}

// hit translates a request. Its path is taken as it came over the wire: net/url's decoded one has lost which slash was
// an escape.
func (e *Edge) hit(r *http.Request) Hit {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(path, "/") { // absolute form, as to a proxy
		path = r.URL.EscapedPath()
	}
	return Hit{
		Method: r.Method, Host: r.Host, Path: path, RawQuery: r.URL.RawQuery,
		IP:        e.ip.Text(e.proxies.Client(r.RemoteAddr, r.Header["X-Forwarded-For"])),
		UserAgent: first(r.Header["User-Agent"]),
		Referrer:  first(r.Header["Referer"]),
		Prefetch:  prefetch(r.Header),
	}
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// prefetch reports whether a header announces that the answer is fetched ahead of a person's wish.
func prefetch(h http.Header) bool {
	for _, name := range [...]string{"Purpose", "Sec-Purpose", "X-Moz", "X-Purpose"} {
		if slices.ContainsFunc(h[name], announcesPrefetch) {
			return true
		}
	}
	return false
}

func announcesPrefetch(value string) bool {
	value = strings.ToLower(value)
	return strings.Contains(value, "prefetch") || strings.Contains(value, "prerender") || strings.Contains(value, "preview")
}

// Shared values of headers: a map assignment of them allocates nothing.
var (
	noStore = []string{"private, no-store"}
	noIndex = []string{"noindex"}
	noSniff = []string{"nosniff"}
	text    = []string{"text/plain; charset=utf-8"}
	empty   = []string{"0"} // net/http would leave it out of HEAD's answer
)

func write(w gin.ResponseWriter, r *Result, method string) {
	h := w.Header()
	h["Cache-Control"], h["X-Robots-Tag"] = noStore, noIndex
	if r.Location != "" {
		h["Location"] = []string{r.Location}
	}
	if r.Allow != "" {
		h["Allow"] = []string{r.Allow}
	}
	if r.RetryAfter != "" {
		h["Retry-After"] = []string{r.RetryAfter}
	}
	if r.Body == "" {
		h["Content-Length"] = empty
		w.WriteHeader(r.Status)
		w.WriteHeaderNow()
		return
	}
	h["Content-Type"], h["X-Content-Type-Options"] = text, noSniff
	h["Content-Length"] = []string{strconv.Itoa(len(r.Body))}
	w.WriteHeader(r.Status)
	if method == http.MethodHead {
		w.WriteHeaderNow()
		return
	}
	_, _ = w.WriteString(r.Body) // an error means that nobody listens any more
}
