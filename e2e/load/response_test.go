package load

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadResponse(t *testing.T) {
	for name, tt := range map[string]struct {
		text     string
		status   int
		location string
		keep     bool
		left     string
	}{
		"redirect":        {"HTTP/1.1 302 Found\r\nLocation: https://a/b?c\r\nContent-Length: 0\r\n\r\nHTTP", 302, "https://a/b?c", true, "HTTP"},
		"names fold":      {"HTTP/1.1 302 Found\r\nlocation:https://a/\r\ncontent-length: 0\r\n\r\n", 302, "https://a/", true, ""},
		"body":            {"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabcHTTP", 404, "", true, "HTTP"},
		"chunks":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nrest", 200, "", true, "rest"},
		"close":           {"HTTP/1.1 503 No\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", 503, "", false, ""},
		"HTTP/1.0":        {"HTTP/1.0 302 Found\r\nLocation: x\r\nContent-Length: 0\r\n\r\n", 302, "x", false, ""},
		"until the end":   {"HTTP/1.1 302 Found\r\nLocation: x\r\n\r\nall this", 302, "x", false, ""},
		"interim answers": {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204, "", true, ""},
		"bare newlines":   {"HTTP/1.1 302 Found\nLocation: x\nContent-Length: 0\n\n", 302, "x", true, ""},
	} {
		r := bufio.NewReader(strings.NewReader(tt.text))
		res, err := readResponse(r, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rest, _ := io.ReadAll(r)
		if res.status != tt.status || string(res.location) != tt.location || res.keep != tt.keep || string(rest) != tt.left {
			t.Errorf("%s: got %d %q keep %v, left %q", name, res.status, res.location, res.keep, rest)
		}
	}
}

// An answer cut at any byte is not an answer.
func TestReadResponseCutAnywhere(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 302 Found\r\nLocation: https://a/b\r\nContent-Length: 4\r\n\r\nbody",
		"HTTP/1.1 302 Found\r\nLocation: https://a/b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
	} {
		for n := range len(text) {
			_, err := readResponse(bufio.NewReader(strings.NewReader(text[:n])), nil)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut after %d bytes: error %v", n, err)
			}
		}
	}
}

func TestReadResponseOfNonsense(t *testing.T) {
	for _, text := range []string{
		"SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"HTTP/1.1 3x2 Found\r\n\r\n",
		"HTTP/1.1 302 Found\r\nno colon\r\n\r\n",
		"HTTP/1.1 302 Found\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 302 Found\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n",
	} {
		if _, err := readResponse(bufio.NewReader(strings.NewReader(text)), nil); !errors.Is(err, errResponse) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
