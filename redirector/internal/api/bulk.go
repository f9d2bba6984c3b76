package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
)

const (
	bulkChunk = 500       // lines a statement
	maxLine   = 256 << 10 // bytes of one line; a link with all its fields escaped has less
)

// bulk makes many links. The whole request is read to its end first, because many clients send all before they read
// any; then its limits are known, and the links are made chunk by chunk while the answer streams.
func (s *server) bulk(ctx context.Context, who account.Principal, _ *struct{}) (*lineStream, error) {
	file, err := s.keepLines(of(ctx))
	if err != nil {
		return nil, err
	}
	return &lineStream{linesTypes[0], func(hc huma.Context) {
		defer file.Close()
		b := bulk{server: s, who: who, out: newLines(of(ctx)), in: bufio.NewReaderSize(file, 64<<10)}
		if err := b.run(ctx); err != nil {
			of(ctx).log.Error("bulk request cut", "line", b.line, "err", err)
			panic(http.ErrAbortHandler) // without the last line the client knows
		}
	}}, nil
}

// keepLines copies the body into a file without a name, which is gone with its last handle.
func (s *server) keepLines(e *exchange) (*os.File, error) {
	body, err := openBody(e, linesTypes, maxBulk)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(s.dir, "longtail-bulk-*")
	if err != nil {
		return nil, fmt.Errorf("keep bulk body: %w", err)
	}
	_ = os.Remove(file.Name()) // an error leaves a file behind, nothing else
	if _, err := io.Copy(&lineCounter{w: file}, body); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// lineCounter refuses more than maxLines lines.
type lineCounter struct {
	w     io.Writer
	lines int
	open  bool // the last line has no end yet
}

func (c *lineCounter) Write(b []byte) (int, error) {
	c.lines += bytes.Count(b, []byte{'\n'})
	if len(b) > 0 {
		c.open = b[len(b)-1] != '\n'
	}
	if c.lines > maxLines || c.lines == maxLines && c.open {
		return 0, problem.New(problem.TooLarge, problem.Field{Rule: problem.RuleMaxLines, Detail: "at most " + strconv.Itoa(maxLines) + " lines"})
	}
	return c.w.Write(b)
}

// bulk is one bulk request while it is answered.
type bulk struct {
	*server
	who  account.Principal
	in   *bufio.Reader
	out  *lines
	line int // last one read

	created, existing, failed int
}

// bulkDone is the last line of an answer: without it the answer was cut.
type bulkDone struct {
	Done     bool `json:"done"`
	Created  int  `json:"created"`
	Existing int  `json:"existing"`
	Failed   int  `json:"failed"`
}

// bulkFailed is the answer to a line that is wrong.
type bulkFailed struct {
	Error *problem.Problem `json:"error"`
}

func (b *bulk) run(ctx context.Context) error {
	for more := true; more; {
		var chunk []parsed
		var err error
		if chunk, more, err = b.read(); err != nil {
			return err
		}
		if err := b.answer(ctx, chunk); err != nil {
			return err
		}
	}
	if err := b.out.put(bulkDone{true, b.created, b.existing, b.failed}); err != nil {
		return err
	}
	return b.out.flush()
}

// parsed is one line of the request.
type parsed struct {
	draft links.Draft
	err   error
}

// read returns the next lines, and whether there are more.
func (b *bulk) read() (chunk []parsed, more bool, err error) {
	for len(chunk) < bulkChunk {
		raw, err := readLine(b.in)
		if errors.Is(err, io.EOF) {
			return chunk, false, nil
		}
		if err != nil && !errors.Is(err, errLong) {
			return nil, false, fmt.Errorf("read kept lines: %w", err)
		}
		b.line++
		draft, err := parseLine(raw, err)
		chunk = append(chunk, parsed{draft, err})
	}
	return chunk, true, nil
}

func (b *bulk) answer(ctx context.Context, chunk []parsed) error {
	drafts := make([]links.Draft, 0, len(chunk))
	for _, p := range chunk {
		if p.err == nil {
			drafts = append(drafts, p.draft)
		}
	}
	results, err := b.links.CreateAll(ctx, b.who, drafts)
	if err != nil {
		return err
	}
	first := b.line - len(chunk) + 1
	for i, p := range chunk {
		var r links.Result
		if p.err == nil {
			r, results = results[0], results[1:]
			p.err = r.Err
		}
		if err := b.out.put(b.result(first+i, r, p.err)); err != nil {
			return err
		}
	}
	return b.out.flush()
}

// result counts what became of a line and returns its answer.
func (b *bulk) result(line int, r links.Result, err error) any {
	switch {
	case err != nil:
		b.failed++
		return bulkFailed{problem.Of(err).AtLine(line)}
	case r.Existing:
		b.existing++
	default:
		b.created++
	}
	return b.view(r)
}

// parseLine reads one line; tooLong is what reading it said.
func parseLine(raw []byte, tooLong error) (links.Draft, error) {
	if tooLong != nil {
		return links.Draft{}, problem.New(problem.TooLarge, problem.Field{Rule: problem.RuleMaxBytes,
			Detail: "a line has at most " + strconv.Itoa(maxLine) + " bytes"})
	}
	var body newLinkBody
	if err := decode(raw, &body); err != nil {
		return links.Draft{}, err
	}
	return body.draft()
}
