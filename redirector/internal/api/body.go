package api

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"longtail/redirector/internal/problem"
)

// Bounds of bodies, after inflation.
const (
	maxJSON  = 1 << 20
	maxLines = 500_000
	maxBulk  = 64 << 20

	readPause = 30 * time.Second // the longest wait for more of a body

	maxDrained = 64 << 20 // of a body that is refused
	drainLimit = 30 * time.Second
)

var (
	jsonTypes  = []string{"application/json", "application/merge-patch+json"}
	linesTypes = []string{"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/json",
		"text/plain", "application/octet-stream", "application/x-www-form-urlencoded"} // the last is what curl sends by itself
)

// openBody returns the request's body, inflated if it is gzip, that fails with a problem beyond most bytes.
func openBody(e *exchange, types []string, most int64) (io.Reader, error) {
	r := e.gin.Request
	e.body = &patient{body: r.Body, control: http.NewResponseController(e.gin.Writer)}
	if header := r.Header.Get("Content-Type"); header != "" {
		media, _, err := mime.ParseMediaType(header)
		if err != nil || !slices.Contains(types, media) {
			return nil, problem.New(problem.MediaType, problem.Field{Field: "Content-Type", Rule: problem.RuleMediaType, Detail: "send " + types[0]})
		}
	}
	body := io.Reader(e.body)
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
		if r.ContentLength > most {
			return nil, tooLarge(most)
		}
	case "gzip", "x-gzip":
		inflated, err := gzip.NewReader(body)
		if err != nil {
			return nil, bodyError(err)
		}
		body = inflated
	default:
		return nil, problem.New(problem.MediaType, problem.Field{Field: "Content-Encoding", Rule: problem.RuleEncoding, Detail: "send gzip or nothing"})
	}
	return &bounded{body, most, most}, nil
}

// drain reads what is left of a body that is refused: a client that writes all before it reads would see a broken connection
// and not the reason. One that waits for a 100 Continue has not begun to write.
func (e *exchange) drain() {
	if e.body == nil || e.body.failed != nil || e.gin.Request.Header.Get("Expect") != "" {
		return
	}
	e.body.allow(drainLimit)
	_, _ = io.CopyN(io.Discard, e.body.body, maxDrained)
}

// readJSON reads a whole JSON body.
func readJSON(e *exchange) ([]byte, error) {
	body, err := openBody(e, jsonTypes, maxJSON)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(body)
}

func tooLarge(most int64) error {
	return problem.New(problem.TooLarge, problem.Field{Rule: problem.RuleMaxBytes, Detail: "at most " + strconv.FormatInt(most, 10) + " bytes"})
}

// bodyError turns a failed read into a problem.
func bodyError(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return problem.New(problem.Timeout)
	}
	return fmt.Errorf("read body: %w: %w", err, problem.New(problem.Invalid, problem.Field{Rule: problem.RuleEncoding,
		Detail: "the body broke off or is not what Content-Encoding says"}))
}

// patient waits for more of a body as long as some comes, and remembers how it ended.
type patient struct {
	body    io.Reader
	control *http.ResponseController
	failed  error
}

func (p *patient) Read(b []byte) (n int, err error) {
	p.allow(readPause)
	n, p.failed = p.body.Read(b)
	return n, p.failed
}

// allow gives reading so much time from now. The time for the answer begins behind it: a body may take longer than an answer.
func (p *patient) allow(wait time.Duration) {
	until := time.Now().Add(wait)
	_ = p.control.SetReadDeadline(until) // a writer without deadlines has its own limits
	_ = p.control.SetWriteDeadline(until.Add(answerLimit))
}

// bounded fails with a problem when more than most bytes come.
type bounded struct {
	io.Reader
	left, most int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		return 0, tooLarge(b.most)
	case err != nil && err != io.EOF:
		return n, bodyError(err)
	}
	return n, err
}
