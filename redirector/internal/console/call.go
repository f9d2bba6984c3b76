package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/api"
)

// A problem is what the API answered instead of what was asked for.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Errors []struct {
		Field  string `json:"field"`
		Rule   string `json:"rule"`
		Detail string `json:"detail"`
		Line   int    `json:"line"`
	} `json:"errors"`
}

// Error is the problem in a sentence for people: every field with its reason.
func (p *problem) Error() string {
	if len(p.Errors) == 0 {
		return cmp.Or(p.Detail, p.Title)
	}
	var all []string
	for _, e := range p.Errors {
		all = append(all, strings.TrimPrefix(e.Field+": "+e.Detail, ": "))
	}
	return strings.Join(all, "; ")
}

// A request is a call of the API.
type request struct {
	method, path string
	media        string // of the body; empty: JSON
	body         any    // a string as it is, anything else as JSON; nil: none
	match        string // version that the object must have; empty: any
}

// ask calls the API with GET and reads its answer into out.
func (c *Console) ask(ctx context.Context, who account.Principal, path string, out any) error {
	return c.call(ctx, who, request{method: http.MethodGet, path: path}, out)
}

// call calls the API in a principal's name. An answer that is no success is a *problem. out may be nil, or an io.Writer
// that gets the body as it is.
func (c *Console) call(ctx context.Context, who account.Principal, q request, out any) error {
	var body io.Reader
	switch b := q.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(api.Acting(ctx, who), requestLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, q.method, q.path, body)
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.media != "" {
		r.Header.Set("Content-Type", q.media)
	}
	if q.match != "" {
		r.Header.Set("If-Match", strconv.Quote(q.match))
	}
	r.RemoteAddr = "console"
	a := answer{header: http.Header{}, status: http.StatusOK}
	c.o.API.ServeHTTP(&a, r)
	if a.status/100 != 2 {
		p := &problem{Status: a.status}
		if err := json.Unmarshal(a.body.Bytes(), p); err != nil {
			return fmt.Errorf("%s %s answered %d", q.method, r.URL.Path, a.status)
		}
		return p
	}
	switch out := out.(type) {
	case nil:
		return nil
	case io.Writer:
		_, err := out.Write(a.body.Bytes())
		return err
	default:
		return json.Unmarshal(a.body.Bytes(), out)
	}
}

// answer holds what the API answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Flush implements http.Flusher: a streamed answer is gathered whole.
func (*answer) Flush() {}

// pass lets the API answer the browser itself: for streams.
func (c *Console) pass(w http.ResponseWriter, r *http.Request, who account.Principal, path string) {
	q, err := http.NewRequestWithContext(api.Acting(r.Context(), who), http.MethodGet, path, nil)
	if err != nil {
		c.trouble(w, r, err)
		return
	}
	c.o.API.ServeHTTP(w, q)
}
