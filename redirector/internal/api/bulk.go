package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
)

const (
	bulkChunk = 2000      // lines a statement
	bulkBytes = 1 << 20   // of the lines of one chunk
	bulkWarm  = 10_000    // lines whose links are kept in memory, too
	maxLine   = 256 << 10 // bytes of one line; a link with all its fields escaped has less
)

// bulk makes many links. The whole request is read to its end first, because many clients send all before they read
// any; then its limits are known, and the links are made chunk by chunk while the answer streams.
func (s *server) bulk(ctx context.Context, who account.Principal, _ *struct{}) (*lineStream, error) {
	file, err := s.keepLines(of(ctx), linesTypes)
	if err != nil {
		return nil, err
	}
	source := &jsonLines{in: bufio.NewReaderSize(file, 64<<10)}
	return s.stream(ctx, file, (&bulk{server: s, who: who, source: source}).run), nil
}

// stream answers with the lines that a function writes, and closes what it reads from.
func (s *server) stream(ctx context.Context, from io.Closer, write func(context.Context, *lines) error) *lineStream {
	return &lineStream{linesTypes[0], func(huma.Context) {
		defer from.Close()
		e := of(ctx)
		if err := write(ctx, newLines(e)); err != nil {
			e.log.Error("answer of lines cut", "err", err)
			panic(http.ErrAbortHandler) // without the last line the client knows
		}
	}}
}

// A lineSource gives the links that a request asks for, one by one, and io.EOF after the last. What is wrong with one of
// them is no error of the source.
type lineSource interface {
	next() (parsed, error)
}

// parsed is one line of the request.
type parsed struct {
	draft links.Draft
	line  int
	size  int // bytes
	err   error
}

// outcome is what became of one chunk.
type outcome struct {
	results []links.Result
	answers []any
	warm    bool
}

// bulk is one request of many links while it is answered.
type bulk struct {
	*server
	who    account.Principal
	source lineSource

	done bulkDone
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

// run answers the request in three steps that work at once, each on a chunk of its own: the next is read while one is
// stored and the one before is written. Never more than these few chunks are in memory.
func (b *bulk) run(ctx context.Context, out *lines) error {
	read, stored := make(chan []parsed), make(chan outcome)
	steps, ctx := errgroup.WithContext(ctx)
	steps.Go(safely(func() error {
		defer close(read)
		return b.read(ctx, read)
	}))
	steps.Go(safely(func() error {
		defer close(stored)
		return b.store(ctx, read, stored)
	}))
	steps.Go(safely(func() error { return b.write(ctx, out, stored) }))
	if err := steps.Wait(); err != nil {
		return err
	}
	b.done.Done = true
	return out.end(b.done)
}

// read sends the lines on in chunks.
func (b *bulk) read(ctx context.Context, chunks chan<- []parsed) error {
	for more := true; more; {
		chunk := make([]parsed, 0, bulkChunk)
		for size := 0; more && len(chunk) < bulkChunk && size < bulkBytes; {
			p, err := b.source.next()
			switch {
			case errors.Is(err, io.EOF):
				more = false
			case err != nil:
				return fmt.Errorf("read kept lines: %w", err)
			default:
				chunk, size = append(chunk, p), size+p.size
			}
		}
		if !send(ctx, chunks, chunk) {
			return ctx.Err()
		}
	}
	return nil
}

// send reports false when ctx ended first.
func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// store stores the links of each chunk and sends its answers on, in the order of the lines.
func (b *bulk) store(ctx context.Context, chunks <-chan []parsed, stored chan<- outcome) error {
	seen := 0
	for chunk := range chunks {
		drafts := make([]links.Draft, 0, len(chunk))
		for _, p := range chunk {
			if p.err == nil {
				drafts = append(drafts, p.draft)
			}
		}
		results, err := b.links.Store(ctx, b.who, drafts)
		if err != nil {
			return err
		}
		seen += len(chunk)
		if !send(ctx, stored, outcome{results, b.answers(chunk, results), seen <= bulkWarm}) {
			return ctx.Err()
		}
	}
	return nil
}

func (b *bulk) answers(chunk []parsed, results []links.Result) []any {
	all := make([]any, len(chunk))
	for i, p := range chunk {
		var r links.Result
		if p.err == nil {
			r, results = results[0], results[1:]
			p.err = r.Err
		}
		switch {
		case p.err != nil:
			b.done.Failed++
			all[i] = bulkFailed{problem.Of(p.err).AtLine(p.line)}
			continue
		case r.Existing:
			b.done.Existing++
		default:
			b.done.Created++
		}
		all[i] = b.view(r)
	}
	return all
}

// write tells the caches of each chunk and then writes its answers, while the next one is stored.
func (b *bulk) write(ctx context.Context, out *lines, stored <-chan outcome) error {
	for chunk := range stored {
		b.links.Tell(ctx, chunk.results, chunk.warm)
		for _, v := range chunk.answers {
			if err := out.put(v); err != nil {
				return err
			}
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
	return nil
}
