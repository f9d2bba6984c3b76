package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// writePause is the longest wait for a client to read on.
const writePause = 30 * time.Second

// lineStream is an answer of lines, written by a function.
type lineStream struct {
	Type string `header:"Content-Type"`
	Body func(huma.Context)
}

// lines writes an answer of JSON lines. It ends when the client reads nothing for a while.
type lines struct {
	*json.Encoder
	buffer  *bufio.Writer
	control *http.ResponseController
}

func newLines(e *exchange) *lines {
	buffer := bufio.NewWriterSize(&persistent{e.gin.Writer, http.NewResponseController(e.gin.Writer)}, 64<<10)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	return &lines{encoder, buffer, http.NewResponseController(e.gin.Writer)}
}

func (l *lines) put(v any) error { return l.Encode(v) }

// end writes the last line.
func (l *lines) end(v any) error {
	if err := l.put(v); err != nil {
		return err
	}
	return l.flush()
}

func (l *lines) flush() error {
	if err := l.buffer.Flush(); err != nil {
		return err
	}
	return l.control.Flush()
}

// persistent gives every write its own time.
type persistent struct {
	io.Writer
	control *http.ResponseController
}

func (p *persistent) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(writePause)) // a writer without deadlines has its own limits
	return p.Writer.Write(b)
}

// safely turns a panic into an error: outside of the request's own goroutine it would end the process.
func safely(step func() error) func() error {
	return func() (err error) {
		defer func() {
			if caught := recover(); caught != nil {
				err = fmt.Errorf("panic: %v\n%s", caught, debug.Stack())
			}
		}()
		return step()
	}
}
