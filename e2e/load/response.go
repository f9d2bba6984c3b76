package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// errResponse tells of bytes that are no answer of HTTP/1.1.
var errResponse = errors.New("not an HTTP/1.1 answer")

// response is what matters of one answer. location is only good until the next read.
type response struct {
	status   int
	location []byte
	keep     bool // the connection may carry another request
}

// How the end of a body is told.
const (
	chunked  = -2
	untilEOF = -1
)

// readResponse reads one whole answer to a GET; buf is reused for the location. It returns an error when the answer is
// not whole.
func readResponse(r *bufio.Reader, buf []byte) (response, error) {
	for {
		res, body, err := readHead(r, buf)
		if err != nil {
			return res, err
		}
		if res.status < 200 { // an interim answer, the real one follows
			continue
		}
		return res, skipBody(r, &res, body)
	}
}

func readHead(r *bufio.Reader, buf []byte) (response, int64, error) {
	line, err := readLine(r)
	if err != nil {
		return response{}, 0, err
	}
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return response{}, 0, fmt.Errorf("%w: %.40q", errResponse, line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil || status < 100 {
		return response{}, 0, fmt.Errorf("%w: %.40q", errResponse, line)
	}
	res, body := response{status: status, keep: line[7] == '1'}, int64(untilEOF)
	for {
		if line, err = readLine(r); err != nil {
			return res, 0, err
		}
		if len(line) == 0 {
			return res, bodyOf(status, body), nil
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return res, 0, fmt.Errorf("%w: header %.40q", errResponse, line)
		}
		if err := res.header(name, bytes.TrimSpace(value), buf, &body); err != nil {
			return res, 0, err
		}
	}
}

func (res *response) header(name, value, buf []byte, body *int64) error {
	switch {
	case is(name, "Location"):
		res.location = append(buf[:0], value...)
	case is(name, "Connection"):
		if is(value, "close") {
			res.keep = false
		}
	case is(name, "Transfer-Encoding"):
		if !is(value, "chunked") {
			return fmt.Errorf("%w: transfer encoding %.40q", errResponse, value)
		}
		*body = chunked
	case is(name, "Content-Length") && *body != chunked:
		n, err := strconv.ParseInt(string(value), 10, 63)
		if err != nil || n < 0 {
			return fmt.Errorf("%w: content length %.40q", errResponse, value)
		}
		*body = n
	}
	return nil
}

func is(b []byte, word string) bool { return len(b) == len(word) && bytes.EqualFold(b, []byte(word)) }

// bodyOf is how the body of an answer with this status ends, when its headers say declared.
func bodyOf(status int, declared int64) int64 {
	if status == 204 || status == 304 {
		return 0
	}
	return declared
}

func skipBody(r *bufio.Reader, res *response, body int64) error {
	switch body {
	case chunked:
		return skipChunks(r)
	case untilEOF:
		res.keep = false
		_, err := io.Copy(io.Discard, r)
		return err
	default:
		return discard(r, body)
	}
}

func discard(r *bufio.Reader, n int64) error {
	if n == 0 {
		return nil
	}
	_, err := io.CopyN(io.Discard, r, n)
	return whole(err)
}

func skipChunks(r *bufio.Reader) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return err
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 16, 63)
		if err != nil || n < 0 {
			return fmt.Errorf("%w: chunk of size %.20q", errResponse, line)
		}
		if n == 0 {
			break
		}
		if err := discard(r, n); err != nil {
			return err
		}
		if line, err = readLine(r); err != nil || len(line) != 0 {
			return errors.Join(fmt.Errorf("%w: end of a chunk", errResponse), err)
		}
	}
	for { // trailers
		if line, err := readLine(r); err != nil || len(line) == 0 {
			return err
		}
	}
}

// readLine returns a line without its end, good until the next read.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, whole(err)
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// whole turns an end in the middle into an error of its own.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
