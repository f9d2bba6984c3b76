package api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
)

// keepLines copies the body into a file without a name, which is gone with its last handle.
func (s *server) keepLines(e *exchange, types []string) (*os.File, error) {
	body, err := openBody(e, types, maxBulk)
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

// jsonLines reads links from JSON lines.
type jsonLines struct {
	in   *bufio.Reader
	line int // last one read
}

func (s *jsonLines) next() (parsed, error) {
	raw, err := readLine(s.in)
	if err != nil && !errors.Is(err, errLong) {
		return parsed{}, err
	}
	s.line++
	draft, err := parseLine(raw, err)
	return parsed{draft, s.line, len(raw), err}, nil
}

// parseLine reads one line; tooLong is what reading it said.
func parseLine(raw []byte, tooLong error) (links.Draft, error) {
	var body newLinkBody
	if err := decodeLine(raw, tooLong, &body); err != nil {
		return links.Draft{}, err
	}
	return body.draft()
}

// decodeLine reads one line into a struct.
func decodeLine(raw []byte, tooLong error, into any) error {
	if tooLong != nil {
		return problem.New(problem.TooLarge, problem.Field{Rule: problem.RuleMaxBytes, Detail: "a line has at most " + strconv.Itoa(maxLine) + " bytes"})
	}
	return decode(raw, into)
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
