package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
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

var errLong = errors.New("line is too long")

// readLine returns the next line without its end. A line beyond maxLine is read over and told as errLong.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		piece, err := in.ReadSlice('\n')
		if len(line) <= maxLine {
			line = append(line, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(line) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, err
		case len(line) > maxLine+1:
			return nil, errLong
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}
